"""`photond query` and `photond similar`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photond.cli.answer import Output
from photond.cli.asking import asked
from photond.cli.command import Command, command
from photond.cli.completion import complete_camera, complete_folder, complete_lens, complete_tag
from photond.cli.output import finish, note
from photond.cli.session import Session, absolute

if TYPE_CHECKING:
    from photond.search.language import Edge
    from photond.search.question import Question

_AMONG = "Which photos"
_HOW_MANY = "How many"

# "-people" takes a concept away. "-n20", "-vq" and "-0" are options.
_OPTIONS = re.compile(r"-(?:n\d*|[vqh0]+)")
_CONCEPT = re.compile(r"-(?:[^\W_]|[\"“”„.])")


@dataclass(frozen=True, slots=True)
class Among:
    """The options that say which photos may be found."""

    folder: Annotated[
        list[Path] | None,
        typer.Option(
            "--in",
            metavar="DIR",
            help="In this folder, or below it.",
            autocompletion=complete_folder,
            rich_help_panel=_AMONG,
        ),
    ] = None
    since: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help='Taken then or later: 2024, 2024-06-01, "last week", "june 2023".',
            rich_help_panel=_AMONG,
        ),
    ] = None
    until: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Taken then or earlier.", rich_help_panel=_AMONG),
    ] = None
    tag: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TAG",
            help="With this tag or a kind of it (animal finds dogs); '!TAG': without.",
            autocompletion=complete_tag,
            rich_help_panel=_AMONG,
        ),
    ] = None
    camera: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="This is part of the camera's name.",
            autocompletion=complete_camera,
            rich_help_panel=_AMONG,
        ),
    ] = None
    lens: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="This is part of the lens's name.",
            autocompletion=complete_lens,
            rich_help_panel=_AMONG,
        ),
    ] = None
    near: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="Taken near: latitude,longitude,distance as in 52.52,13.40,10km.",
            rich_help_panel=_AMONG,
        ),
    ] = None
    orientation: Annotated[
        str | None,
        typer.Option(
            metavar="SHAPE", help="portrait, landscape or square.", rich_help_panel=_AMONG
        ),
    ] = None
    not_like: Annotated[
        list[Path] | None,
        typer.Option(metavar="PHOTO", help="Not looking like this photo.", rich_help_panel=_AMONG),
    ] = None
    min_score: Annotated[
        float,
        typer.Option(
            min=-1.0,
            max=1.0,
            help="Leave out photos with a lower cosine similarity.",
            show_default=False,
            rich_help_panel=_AMONG,
        ),
    ] = -1.0
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Also on disks that are not there.", rich_help_panel=_AMONG),
    ] = False
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            min=1,
            max=1_000_000,
            help="So many at most.",
            show_default="20",
            rich_help_panel=_HOW_MANY,
        ),
    ] = None
    offset: Annotated[
        int,
        typer.Option(
            min=0,
            help="Leave out so many of the best, to see the next ones.",
            rich_help_panel=_HOW_MANY,
        ),
    ] = 0
    each_copy: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Show each of identical files, not one for all.",
            rich_help_panel=_HOW_MANY,
        ),
    ] = False

    def question(self, like: Iterable[Path] = ()) -> "Question":
        """What these options ask for.

        Args:
            like: Photos that are to be looked like.

        Raises:
            UsageError: One of them is not right.
        """
        from photond.search.question import Question, parse_orientation, parse_place

        orientation = self.orientation
        return Question(
            like=tuple(map(absolute, like)),
            not_like=tuple(map(absolute, self.not_like or ())),
            folders=tuple(map(absolute, self.folder or ())),
            since=None if self.since is None else _date(self.since, "since"),
            until=None if self.until is None else _date(self.until, "until"),
            tags=tuple(self.tag or ()),
            cameras=tuple(self.camera or ()),
            lenses=tuple(self.lens or ()),
            near=None if self.near is None else parse_place(self.near),
            orientation=None if orientation is None else parse_orientation(orientation),
        )

    def fields(self) -> dict[str, object]:
        """What a request holds of them, besides the question."""
        return {
            "limit": self.limit,
            "offset": self.offset,
            "min_score": self.min_score,
            "each_copy": self.each_copy,
            "offline": self.offline,
        }


class _Words(Command):
    """A command whose words may begin with a minus: `photond query beach -people`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click is within typer
        end = args.index("--") if "--" in args else len(args)
        words = [f" {word}" if _is_taken_away(word) else word for word in args[:end]]
        return super().parse_args(ctx, [*words, *args[end:]])


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "query", cls=_Words)(query)
    command(app, "similar")(similar)


def query(
    session: Session,
    among: Among,
    output: Output,
    text: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT]...", help="What to look for; see below.", show_default=False
        ),
    ] = None,
    like: Annotated[
        list[Path] | None,
        typer.Option(metavar="PHOTO", help="Looking like this photo, too.", rich_help_panel=_AMONG),
    ] = None,
    names_only: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="Find by words in file names, folder names and your own tags alone, newest first.",
            rich_help_panel=_AMONG,
        ),
    ] = False,
    all_above: Annotated[
        float | None,
        typer.Option(
            min=-1.0,
            max=1.0,
            metavar="SCORE",
            help="Print all photos with at least this cosine similarity, while they are found.",
            rich_help_panel=_HOW_MANY,
        ),
    ] = None,
) -> None:
    """Find photos by what is in them, described in words, best first.

    Words make one concept, a minus takes a concept away, a number weighs it: photond query "beach at
    sunset" -people "2*dog". Words in the names of files and folders count, too.

    All filters can stand in the text, such as tag:food since:2024-06 in:Lisbon camera:"X-T4". Without
    words, the photos that pass them are shown, newest first. docs/query.md has the whole language.
    """
    question = _question(text or (), among.question(like or ()))
    fields = among.fields() | {"names_only": names_only}
    if all_above is not None:
        fields |= {"min_score": max(all_above, among.min_score)}
    title = " ".join(text or ()) or "Photos"
    _show(session, question, fields, output, title, stream=all_above is not None)


def similar(
    session: Session,
    among: Among,
    output: Output,
    photo: Annotated[Path, typer.Argument(help="A photo, indexed or not.")],
) -> None:
    """Find the photos that look most like one photo, which is left out itself."""
    _show(session, among.question([photo]), among.fields(), output, f"Similar to {photo.name}")


def _show(
    session: Session,
    question: "Question",
    fields: dict[str, object],
    output: Output,
    title: str,
    *,
    stream: bool = False,
) -> None:
    """Show what answers a question, and end with 1 if nothing does."""
    with asked(session, question, fields, stream=stream) as found:
        code = output.show(session, found.photos, title)
        for said in found.notes:
            note(f"photond: {said}")
    finish(code)


def _question(words: Sequence[str], options: "Question") -> "Question":
    """What a text asks for together with what options do."""
    from dataclasses import replace

    from photond.search.language import parse
    from photond.search.question import is_path, merge

    asked_for = parse(" ".join(words).strip(), _date)
    written = replace(
        asked_for,
        like=tuple(map(_path, asked_for.like)),
        not_like=tuple(map(_path, asked_for.not_like)),
        folders=tuple(_path(one) if is_path(one) else one for one in asked_for.folders),
    )
    return merge(written, options)


def _path(text: str) -> str:
    """A path in the text of a query, which the shell has not seen, as an absolute one."""
    return absolute(Path(text).expanduser())


def _date(text: str, edge: "Edge") -> str:
    """A date as it is written to the one that is meant now."""
    from datetime import datetime

    from photond.search.when import resolve

    return resolve(text, edge, datetime.now())  # noqa: DTZ005 - local wall time, as the cameras' is


def _is_taken_away(word: str) -> bool:
    """Whether a word is a concept to be taken away, and no option."""
    return _CONCEPT.match(word) is not None and _OPTIONS.fullmatch(word) is None
