"""`photond query` and `photond similar`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from photond.cli.answer import Output
from photond.cli.asking import find
from photond.cli.command import command
from photond.cli.completion import complete_folder, complete_tag
from photond.cli.output import finish, note
from photond.cli.session import Session, absolute
from photond.errors import UsageError

LimitOption = Annotated[
    int | None,
    typer.Option("--limit", "-n", min=1, help="Show so many photos at most.", show_default="20"),
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
    typer.Option(
        "--in",
        metavar="DIR",
        help="Only photos in this folder, or below it.",
        autocompletion=complete_folder,
    ),
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
        autocompletion=complete_tag,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "query")(query)
    command(app, "similar")(similar)


def query(
    session: Session,
    output: Output,
    text: Annotated[list[str], typer.Argument(metavar="TEXT...", help="What to look for.")],
    limit: LimitOption = None,
    min_score: ScoreOption = -1.0,
    folders: FolderOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    tag: TagOption = None,
) -> None:
    """Find photos by what is in them, described in words, best first.

    Dates are written 2024, 2024-06, 2024-06-01 or 2024-06-01T14:30, in the camera's local time.
    """
    question = " ".join(text).strip()
    if not question:
        raise UsageError("the query is empty", 'Say what to look for: photond query "beach".')
    fields = _fields(session, limit, min_score, folders, since, until, tag)
    found = find(session, "query", fields | {"text": question})
    for said in found["notes"]:
        note(f"photond: {said}")
    finish(output.show(session, found["photos"], question))


def similar(
    session: Session,
    output: Output,
    photo: Annotated[Path, typer.Argument(help="A photo, indexed or not.")],
    limit: LimitOption = None,
    min_score: ScoreOption = -1.0,
    folders: FolderOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    tag: TagOption = None,
) -> None:
    """Find the photos that look most like one photo, which is left out itself."""
    fields = _fields(session, limit, min_score, folders, since, until, tag)
    found = find(session, "similar", fields | {"photo": absolute(photo)})
    finish(output.show(session, found["photos"], f"Similar to {photo.name}"))


def _fields(
    session: Session,
    limit: int | None,
    min_score: float,
    folders: list[Path] | None,
    since: str | None,
    until: str | None,
    tag: list[str] | None,
) -> dict[str, Any]:
    """What a request for a search holds, besides what is looked for."""
    return {
        "database": str(session.database),
        "pack": session.settings.model.pack,
        "limit": limit or session.settings.query.limit,
        "min_score": min_score,
        "folders": tuple(absolute(folder) for folder in folders or ()),
        "since": since,
        "until": until,
        "tags": tuple(tag or ()),
    }
