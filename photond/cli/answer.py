"""The photos that a search found, as the user wants to see them."""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from photond.cli.output import note
from photond.cli.photo import Photo, numbered
from photond.cli.session import Session
from photond.errors import ExitCode, PhotondError, UsageError

_PRINTED = "What is printed"
_DONE = "What is done with the photos"

# One thing that is done with the photos of an answer: each is dealt with as it comes, and handed on.
# So a million of them can be printed, collected and put on a sheet while they are being found.
Photos = Generator[Photo, None, None]
Step = Callable[[Iterator[Photo]], Photos]


@dataclass(frozen=True, slots=True)
class Output:
    """The options that say what becomes of the photos that were found.

    Raises:
        UsageError: Two of them exclude each other, or one of them is not right.
    """

    thumbnails: Annotated[
        bool | None,
        typer.Option(
            "--thumbnails/--no-thumbnails",
            help="Show the photos on the terminal, or only what is known of them.",
            show_default="query.thumbnails",
            rich_help_panel=_PRINTED,
        ),
    ] = None
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON array.", rich_help_panel=_PRINTED)
    ] = False
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help="Print a JSON object a line.", rich_help_panel=_PRINTED),
    ] = False
    paths: Annotated[
        bool,
        typer.Option("--paths", help="Print paths only, one a line.", rich_help_panel=_PRINTED),
    ] = False
    template: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="LINE",
            help="Print such a line for each photo, as '{path}\\t{score:.3f}'. There are path, name, "
            "folder, score, probability, taken_at, date, width, height, tags, copies and number.",
            rich_help_panel=_PRINTED,
        ),
    ] = None
    null: Annotated[
        bool,
        typer.Option(
            "--null",
            "-0",
            help="Print paths, or lines of --format, each ended by a NUL.",
            rich_help_panel=_PRINTED,
        ),
    ] = False
    opened: Annotated[
        str | None,
        typer.Option(
            "--open",
            metavar="[N]",
            help="Open photo N with your viewer; without a number, all of them on a sheet in your "
            "browser.",
            rich_help_panel=_DONE,
        ),
    ] = None
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet",
            metavar="FILE.html",
            help="Write a contact sheet: one page that needs nothing but itself.",
            rich_help_panel=_DONE,
        ),
    ] = None
    copy_to: Annotated[
        Path | None,
        typer.Option(
            "--copy",
            metavar="DIR",
            help="Copy the photos to a folder, the best first. Nothing there is overwritten.",
            rich_help_panel=_DONE,
        ),
    ] = None
    link_in: Annotated[
        Path | None,
        typer.Option(
            "--symlink",
            metavar="DIR",
            help="Make symbolic links to the photos in a folder.",
            rich_help_panel=_DONE,
        ),
    ] = None

    def __post_init__(self) -> None:
        ways = {
            "--json": self.json,
            "--jsonl": self.jsonl,
            "--paths": self.paths,
            "--format": self.template is not None,
            "--thumbnails": bool(self.thumbnails),
        }
        _only_one_of(ways)
        _only_one_of({name: ways[name] for name in ("--json", "--jsonl")} | {"-0": self.null})
        _only_one_of({"--copy": self.copy_to is not None, "--symlink": self.link_in is not None})
        if self.template is not None:
            from photond.cli.line_format import LineFormat

            LineFormat.parse(self.template)
        if self.opened and not (self.opened.isdecimal() and int(self.opened) > 0):
            raise UsageError(
                f"--open takes the number of a photo, not {self.opened!r}",
                "They are numbered from 1; without a number, --open shows all on a sheet.",
            )

    def show(self, session: Session, photos: Iterable[Mapping[str, Any]], title: str) -> ExitCode:
        """Do what the options say with what was found; without any, print it.

        Args:
            session: For the settings, where they are needed.
            photos: As docs/protocol.md has them; they are read once, one after the other.
            title: What was asked, for people.

        Returns:
            `INCOMPLETE` where nothing was found or something could not be done; it has been said.

        Raises:
            PhotondError: The sheet cannot be written, nothing can be opened, a disk is full, ….
        """
        steps: list[Step] = []
        is_whole = True

        def failed() -> None:
            nonlocal is_whole
            is_whole = False

        if (folder := self.copy_to or self.link_in) is not None:
            from photond.cli.collecting import collecting

            steps.append(collecting(folder, failed, link=self.link_in is not None))
        page = self.sheet
        if self.opened == "" and page is None:
            from photond.cli.opening import sheet_to_open

            page = sheet_to_open()
        if page is not None:
            from photond.cli.sheet import writing_sheet

            steps.append(
                writing_sheet(page, title, session.settings, is_told=self.sheet is not None)
            )
        chosen: list[Photo] = []
        if self.opened:
            number = int(self.opened)
            steps.append(lambda all_: _noticing(all_, number, chosen))
        if way := self._printing(session, is_quiet=bool(steps)):
            steps.append(way)

        with ExitStack() as until_done:
            found: Iterator[Photo] = numbered(photos)
            for step in steps:
                found = until_done.enter_context(closing(step(found)))
            count = sum(1 for _ in found)
        if not count:
            note("photond: no photo was found")
            return ExitCode.INCOMPLETE
        if self.opened is not None:
            self._open(count, chosen, page)
        return ExitCode.DONE if is_whole else ExitCode.INCOMPLETE

    def _printing(self, session: Session, *, is_quiet: bool) -> Step | None:
        """How photos are printed, if they are: who has them opened or copied has seen them before."""
        if (asked_for := self._asked_for()) or is_quiet:
            return asked_for
        if sys.stdout.isatty():
            from photond.cli.listing import listing

            return listing(session, self.thumbnails)
        from photond.cli.lines import as_lines

        return as_lines

    def _asked_for(self) -> Step | None:
        """How the user has asked for them to be printed, if so."""
        from photond.cli import lines

        if self.json:
            return lines.as_json
        if self.jsonl:
            return lines.as_json_lines
        if self.template is not None:
            from photond.cli.line_format import LineFormat

            return lines.formatted(LineFormat.parse(self.template), null=self.null)
        return lines.as_paths(null=self.null) if self.paths or self.null else None

    def _open(self, count: int, chosen: list[Photo], page: Path | None) -> None:
        from photond.cli.opening import open_file

        if not self.opened:
            assert page is not None
            open_file(str(page.absolute()))
            return
        if not chosen:
            photos = "1 photo was" if count == 1 else f"{count} photos were"
            raise PhotondError(f"there is no photo {self.opened}: {photos} found")
        (photo,) = chosen
        if photo.is_offline:
            raise PhotondError(f"{photo.path} is on a disk that is not there", "Connect the disk.")
        open_file(photo.path)


def _noticing(photos: Iterator[Photo], number: int, chosen: list[Photo]) -> Photos:
    """The photos, of which one is put aside."""
    for photo in photos:
        if photo.number == number:
            chosen.append(photo)
        yield photo


def _only_one_of(given: Mapping[str, bool]) -> None:
    names = [name for name, is_given in given.items() if is_given]
    if len(names) > 1:
        raise UsageError(f"{names[0]} and {names[1]} exclude each other", "Choose one of them.")
