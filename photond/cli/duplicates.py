"""`photond duplicates`."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photond.cli.command import command
from photond.cli.output import finish, note, print_json, print_paths, print_table
from photond.cli.session import Session, absolute
from photond.errors import ExitCode, IndexDatabaseError

if TYPE_CHECKING:
    from photond.pipeline.hashing import Unknown
    from photond.search.comparing import Duplicates
    from photond.search.duplicates import Copy, Group
    from photond.store.database import Connection


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "duplicates")(duplicates)


def duplicates(
    session: Session,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Only groups with a photo at or below one of these; all without any.",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            min=-1.0,
            max=1.0,
            help="How similar photos must be to count as alike: the cosine of their embeddings. "
            "1 is the same; lower finds more.",
            show_default="0.7",
        ),
    ] = None,
    identical: Annotated[
        bool, typer.Option("--identical", help="Only identical bytes, not photos that look alike.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    paths_only: Annotated[
        bool,
        typer.Option("--paths", help="Print the paths of all copies but the best, one a line."),
    ] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="The same, each path ended by a NUL.")
    ] = False,
) -> None:
    """Show which photos you have more than once, and which copy is the best. Nothing is deleted.

    First photos whose bytes are identical, then such that look alike: the same picture in another
    size, format or quality. Of each kind, what takes the most space comes first.

    The best copy has the most pixels; of several, it is the RAW file, then the one that says when and
    with what it was taken, then the largest, then the oldest.
    """
    from photond.search.comparing import MIN_COSINE, find_duplicates
    from photond.store.copies import count_spoilt
    from photond.store.database import explained, snapshot
    from photond.store.jobs import count_waiting
    from photond.store.packs import serving_pack

    min_cosine = MIN_COSINE if threshold is None else threshold
    with closing(session.open_index()) as connection, explained(session.database):
        serving = serving_pack(connection)
        if serving is None:
            raise IndexDatabaseError("nothing is indexed yet", "Run `photond index`.")
        unknown = None if identical else _hash_missing(session, connection)
        with snapshot(connection):
            found = find_duplicates(
                connection,
                serving.id,
                min_cosine=min_cosine,
                paths=[absolute(path) for path in paths or ()],
                identical_only=identical,
            )
            waiting = count_waiting(connection)
            spoilt = 0 if identical else count_spoilt(connection, session.database, serving.id)
    if json:
        print_json(_as_json(found, unknown, waiting, spoilt, None if identical else min_cosine))
    elif paths_only or null:
        print_paths(_superfluous(found.groups), null=null)
    else:
        _print(found.groups)
    if not json:
        for said in _notes(found, unknown, waiting, spoilt):
            note(f"photond: {said}")
    if unknown is not None and unknown.unreadable:
        finish(ExitCode.INCOMPLETE)


def _hash_missing(session: Session, connection: "Connection") -> "Unknown":
    """Read the photos that were indexed before photond remembered what they look like."""
    from photond.cli.index import stop_on_signal
    from photond.cli.progress import count_bar
    from photond.pipeline.hashing import hash_missing

    with stop_on_signal() as should_stop, count_bar("reading photos") as on_progress:
        unknown = hash_missing(connection, session.settings, on_progress, should_stop)
    if unknown.waiting:
        note("photond: interrupted; what was read is kept, and the next time goes on from there")
        finish(ExitCode.INTERRUPTED)
    return unknown


def _superfluous(groups: "Sequence[Group]") -> list[str]:
    """The paths that could go: neither the best of a group, nor one more name of a file in it."""
    return [copy.file.path for group in groups for copy in group.copies if copy.role == "copy"]


def _as_json(
    found: "Duplicates",
    unknown: "Unknown | None",
    waiting: int,
    spoilt: int,
    threshold: float | None,
) -> dict[str, object]:
    return {
        "threshold": threshold,
        "gain": sum(group.gain for group in found.groups),
        "groups": [
            {
                "kind": group.kind,
                "gain": group.gain,
                "copies": [_copy_as_json(copy) for copy in group.copies],
            }
            for group in found.groups
        ],
        "not_compared": {
            "even": found.even,
            "offline": 0 if unknown is None else unknown.offline,
            "unreadable": 0 if unknown is None else unknown.unreadable,
            "waiting": waiting,
            "spoilt": spoilt,
        },
    }


def _copy_as_json(copy: "Copy") -> dict[str, object]:
    photo = copy.photo
    return {
        "path": copy.file.path,
        "role": copy.role,
        "bytes": photo.size,
        "width": photo.width,
        "height": photo.height,
        "format": photo.format,
        "taken_at": photo.taken_at,
        "camera": photo.camera,
        "sha256": photo.sha256,
        "similarity": round(copy.likeness.cosine, 6),
        "hash_distance": copy.likeness.bits,
        "identical_elsewhere": copy.others,
    }


def _print(groups: "Sequence[Group]") -> None:
    print_table(
        (">group", "kind", "copy", "photo", ">pixels", "format", ">MB", ">similarity"),
        (
            (
                f"{number}",
                group.kind,
                copy.role,
                copy.file.path,
                f"{copy.photo.width} x {copy.photo.height}",
                copy.photo.format,
                f"{copy.photo.size / 1e6:.2f}",
                f"{copy.likeness.cosine:.3f}" if group.kind == "alike" else "",
            )
            for number, group in enumerate(groups, 1)
            for copy in group.copies
        ),
    )


def _notes(found: "Duplicates", unknown: "Unknown | None", waiting: int, spoilt: int) -> list[str]:
    from photond.store.embeddings import EMBEDDED_AGAIN

    gain = sum(group.gain for group in found.groups)
    notes = []
    if found.groups:
        notes.append(
            f"{len(found.groups):,} groups; {gain / 1e6:,.1f} MB to gain by keeping only the best copies"
        )
    else:
        notes.append("no photo is there more than once")
    same = sum(copy.role == "same file" for group in found.groups for copy in group.copies)
    if same:
        notes.append(
            f"{same:,} are one more name of the same file (a hard or symbolic link), and take no space"
        )
    if waiting:
        notes.append(f"{waiting:,} photos are not indexed yet, and were left out")
    if found.even:
        notes.append(f"{found.even:,} show too little to be compared by their looks")
    if spoilt:
        notes.append(f"{spoilt:,} have a spoilt embedding and were not compared; {EMBEDDED_AGAIN}")
    if unknown is not None and unknown.offline:
        notes.append(f"{unknown.offline:,} could not be compared by their looks: they are offline")
    if unknown is not None and unknown.unreadable:
        notes.append(
            f"{unknown.unreadable:,} could not be compared by their looks: they are gone, changed or "
            "unreadable (`photond index` finds out)"
        )
    return notes
