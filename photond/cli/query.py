"""`photond query` and `photond similar`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photond.cli.command import command
from photond.cli.output import (
    finish,
    note,
    print_json,
    print_paths,
    print_table,
    tags_as_json,
)
from photond.cli.session import Session, absolute
from photond.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from photond.models.pack import Pack
    from photond.search.filters import Filters
    from photond.search.search import Hit
    from photond.store.database import Connection

LimitOption = Annotated[
    int | None,
    typer.Option("--limit", "-n", min=1, help="Show so many photos at most.", show_default="20"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print a JSON array.")]
PathsOption = Annotated[bool, typer.Option("--paths", help="Print paths only, one a line.")]
NullOption = Annotated[
    bool, typer.Option("--null", "-0", help="Print paths only, each ended by a NUL.")
]
ScoreOption = Annotated[
    float,
    typer.Option(
        "--min-score",
        min=-1.0,
        max=1.0,
        help="Leave out photos with a lower cosine similarity.",
        show_default=False,
    ),
]
FolderOption = Annotated[
    list[Path] | None,
    typer.Option("--in", metavar="DIR", help="Only photos in this folder, or below it."),
]
SinceOption = Annotated[
    str | None,
    typer.Option("--since", metavar="DATE", help="Only photos taken on that day or later."),
]
UntilOption = Annotated[
    str | None,
    typer.Option("--until", metavar="DATE", help="Only photos taken on that day or earlier."),
]
TagOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="TAG",
        help="Only photos with this tag or a kind of it (animal finds dogs); !TAG: without.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "query")(query)
    command(app, "similar")(similar)


def query(
    session: Session,
    text: Annotated[list[str], typer.Argument(metavar="TEXT...", help="What to look for.")],
    limit: LimitOption = None,
    min_score: ScoreOption = -1.0,
    folders: FolderOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    tag: TagOption = None,
    json: JsonOption = False,
    paths: PathsOption = False,
    null: NullOption = False,
) -> None:
    """Find photos by what is in them, described in words, best first.

    Dates are written 2024, 2024-06, 2024-06-01 or 2024-06-01T14:30, in the camera's local time.
    """
    question = " ".join(text).strip()
    if not question:
        raise UsageError("the query is empty", 'Say what to look for: photond query "beach".')
    filters = _filters(session, folders, since, until, tag)
    from photond.search.search import search
    from photond.store.database import explained, snapshot

    connection = session.open_index()
    with explained(session.database), snapshot(connection):
        answering = session.answering(connection)
        from photond.models.towers import TextTower, available_cores

        embedding = TextTower(answering.pack, available_cores()).embed_query(question)
        hits = search(
            connection,
            answering.stored,
            embedding,
            filters,
            limit=limit or session.settings.query.limit,
            min_score=min_score,
            pack=answering.pack,
        )
        _mention_waiting(connection, session.pack, answering.pack)
    _print(hits, json=json, paths=paths, null=null)


def similar(
    session: Session,
    photo: Annotated[Path, typer.Argument(help="A photo, indexed or not.")],
    limit: LimitOption = None,
    min_score: ScoreOption = -1.0,
    folders: FolderOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    tag: TagOption = None,
    json: JsonOption = False,
    paths: PathsOption = False,
    null: NullOption = False,
) -> None:
    """Find the photos that look most like one photo, which is left out itself."""
    from photond.search.example import embed_example
    from photond.search.search import search
    from photond.store.database import explained, snapshot

    connection = session.open_index()
    with explained(session.database), snapshot(connection):
        answering = session.answering(connection)
        example = embed_example(connection, answering, absolute(photo), session.settings)
        hits = search(
            connection,
            answering.stored,
            example.embedding,
            _filters(session, folders, since, until, tag, is_not=example.content_id),
            limit=limit or session.settings.query.limit,
            min_score=min_score,
        )
    _print(hits, json=json, paths=paths, null=null)


def _filters(
    session: Session,
    folders: list[Path] | None,
    since: str | None,
    until: str | None,
    tag: list[str] | None,
    is_not: int | None = None,
) -> "Filters":
    from photond.search.dates import end_moment, first_moment
    from photond.search.filters import Filters, tag_filter

    return Filters(
        folders=[absolute(folder) for folder in folders or ()],
        since=None if since is None else first_moment(since),
        before=None if until is None else end_moment(until),
        # The vocabulary is only read when a tag is asked for.
        tags=[tag_filter(text, session.vocabulary) for text in tag or ()],
        is_not=is_not,
    )


def _mention_waiting(connection: "Connection", configured: "Pack", answering: "Pack") -> None:
    from photond.store.files import count_unread
    from photond.store.jobs import count_waiting

    waiting = count_waiting(connection)
    if configured.fingerprint != answering.fingerprint:
        note(
            f"photond: the pack {answering.name!r} answers until `photond index` has embedded "
            f"all photos with {configured.name!r}"
        )
        waiting = count_unread(connection)
    if waiting:
        note(f"photond: {waiting:,} photos are not indexed yet and cannot be found")


def _print(hits: "list[Hit]", *, json: bool, paths: bool, null: bool) -> None:
    if json:
        print_json([_as_json(hit) for hit in hits])
    elif paths or null:
        print_paths((hit.path for hit in hits), null=null)
    else:
        print_table(
            (">score", "photo", "taken", "tags"),
            (
                (
                    f"{hit.score:.3f}",
                    hit.path,
                    (hit.taken_at or "").replace("T", " "),
                    ", ".join(tag.label for tag in hit.tags),
                )
                for hit in hits
            ),
        )
    if not hits:
        note("photond: no photo was found")
        finish(ExitCode.INCOMPLETE)


def _as_json(hit: "Hit") -> dict[str, object]:
    return {
        "path": hit.path,
        "score": round(hit.score, 6),
        "probability": None if hit.probability is None else round(hit.probability, 6),
        "tags": tags_as_json(hit.tags),
        "taken_at": hit.taken_at,
        "width": hit.width,
        "height": hit.height,
    }
