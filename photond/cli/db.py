"""`photond db`: the index as a file."""

from contextlib import ExitStack, closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photond.cli.command import command
from photond.cli.output import finish, note, print_json, print_line
from photond.cli.session import Session, absolute
from photond.errors import ExitCode, UsageError
from photond.printable import printable

if TYPE_CHECKING:
    from photond.store.check import Finding
    from photond.store.space import Stats

app = typer.Typer(
    help="The index's file: check it, copy it, put a copy back, save it, make it smaller.",
    no_args_is_help=True,
)


def register(root: typer.Typer) -> None:
    """Add the group of commands."""
    root.add_typer(app, name="db")


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def check(
    session: Session,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Mend what can be mended; no daemon and no pass may run meanwhile."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Prove that the index is whole, or say what is wrong with it, each with what can be done.

    The file itself, what its rows say of each other, and that photos and embeddings agree. It may run
    beside the daemon. Exits with 5 if anything is wrong, and is still so after --repair. Nothing that
    --repair removes is lost: photos are read and embedded again by the next pass.
    """
    from photond.store import check
    from photond.store.database import explained
    from photond.store.lock import only_indexer

    database = session.database
    with ExitStack() as stack:
        connection = stack.enter_context(closing(session.open_index()))
        stack.enter_context(explained(database))
        if repair:
            stack.enter_context(only_indexer(database))
        if repair:
            found, left = check.mend(connection)
        else:
            found = left = check.findings(connection)
    mended = [finding for finding in found if finding not in left]
    if json:
        print_json(
            {
                "index": str(database),
                "is_whole": not left,
                "mended": [finding.detail for finding in mended],
                "findings": [asdict(finding) for finding in left],
            }
        )
    else:
        _print_findings(database, left, mended)
    finish(ExitCode.INDEX if left else ExitCode.DONE)


def backup(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy is written.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file if there is one.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Write a copy of the index, also while the daemon is writing to it.

    The copy is checked before it takes its place, and readable by you alone. `photond db restore` puts
    it back.
    """
    from photond.store.backup import backup
    from photond.store.database import explained, is_part

    target = Path(absolute(file))
    if target.is_dir():
        raise UsageError(f"{target} is a folder", "Name the file to write.")
    if is_part(target, session.database):
        raise UsageError(f"{target} is the index itself or a part of it")
    if target.exists() and not force:
        raise UsageError(f"{target} is there already", "--force replaces it.")
    with closing(session.open_index()) as connection, explained(session.database):
        size = backup(connection, target)
    if json:
        print_json({"backup": str(target), "bytes": size})
    else:
        print_line(f"{printable(str(target))}: {size / 1e6:.1f} MB, checked")


def restore(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup; it stays as it is.")],
    discard: Annotated[
        bool, typer.Option("--discard", help="Do not keep the index that is there now.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Put a backup in the place of the index, once it is checked.

    The backup may be of an older photond. What can be mended of it is mended in the copy; where anything
    else is wrong, the index stays as it is, and the exit code is 5. The index that is there now stays
    beside it under another name. No daemon and no pass may run meanwhile; `photond index` sees what has
    changed since the backup, and embeds nothing again that it has.
    """
    from photond.store.restore import restore

    source = Path(absolute(file))
    if not source.is_file():
        raise UsageError(
            f"{source} is no file", "Name a file that `photond db backup` has written."
        )
    if session.database.exists() and source.samefile(session.database):
        raise UsageError(f"{source} is the index itself")
    restored = restore(source, session.database, keep=not discard)
    if json:
        print_json(
            {"index": str(session.database), "backup": str(source)}
            | asdict(restored)
            | {"kept": None if restored.kept is None else str(restored.kept)}
        )
        return
    for detail in restored.mended:
        print_line(f"mended: {detail}")
    as_of = f", as of {restored.as_of}" if restored.as_of else ""
    print_line(
        f"{printable(str(session.database))}: {restored.photos:,} photos, "
        f"{restored.user_tags:,} tags of your own{as_of}"
    )
    _print_kept(restored.kept)


def salvage(session: Session, json: JsonOption = False) -> None:
    """Make a new index of what can be read of one whose file is damaged; says what.

    For a file that a disk has spoilt, where there is no backup that is new enough. Your own tags and all
    embeddings outside of the damaged pages are kept, and `photond index` embeds again what is lost. The
    damaged index stays beside the new one under another name. No daemon and no pass may run meanwhile.
    """
    from photond.errors import ModelError
    from photond.store.salvage import is_damaged, salvage

    database = session.database
    if not is_damaged(database):
        if json:
            print_json({"index": str(database), "is_damaged": False})
        else:
            print_line(f"{printable(str(database))} is not damaged; `photond db check` says more")
        return
    names = {}
    with suppress(ModelError):
        names = {session.pack.fingerprint: session.pack.name}
    found = salvage(database, names)
    if json:
        salvaged = asdict(found) | {"kept": str(found.kept)}
        print_json({"index": str(database), "is_damaged": True} | salvaged)
        return
    for table, pages in found.damaged.items():
        print_line(f"{table}: {pages} damaged {'page' if pages == 1 else 'pages'}")
    print_line(
        f"{printable(str(database))}: saved {found.saved.get('user_tags', 0):,} tags of your own, "
        f"{found.saved.get('files', 0):,} files, {found.saved.get('contents', 0):,} contents"
    )
    for name, count in found.embeddings.items():
        print_line(f"pack {name!r}: saved {count:,} embeddings")
    for label, photo in found.lost_tags:
        print_line(f"lost what you said of the tag {printable(label)} on {printable(photo)}")
    if found.waiting:
        print_line(f"{found.waiting:,} photos are to be read again")
    _print_kept(found.kept)
    note("photond: run `photond index`, which sees what is lost and embeds it again")


def vacuum(session: Session, json: JsonOption = False) -> None:
    """Give the room back that photos and packs left behind; says how much.

    It needs as much room again while it runs, and no daemon and no pass may run meanwhile.
    """
    from photond.store import space
    from photond.store.database import explained
    from photond.store.lock import only_indexer

    database = session.database
    with (
        closing(session.open_index()) as connection,
        explained(database),
        only_indexer(database),
    ):
        before = database.stat().st_size + space.wal_bytes(database)
        space.vacuum(connection)
        after = database.stat().st_size + space.wal_bytes(database)
    if json:
        print_json({"freed_bytes": before - after, "bytes": after})
    else:
        print_line(f"{(before - after) / 1e6:.1f} MB freed, {after / 1e6:.1f} MB left")


def stats(session: Session, json: JsonOption = False) -> None:
    """Show what is in the index, and what takes how much room."""
    from photond.store import space
    from photond.store.database import explained

    database = session.database
    with closing(session.open_index()) as connection, explained(database):
        found = space.stats(connection, database)
    if json:
        print_json({"index": str(database)} | asdict(found))
    else:
        _print_stats(database, found)


def _print_findings(database: Path, left: "list[Finding]", mended: "list[Finding]") -> None:
    for finding in mended:
        print_line(f"mended: {finding.detail}")
    for finding in left:
        print_line(f"{finding.detail} -> {finding.remedy}")
    if not left:
        print_line(f"{printable(str(database))} is whole")
    elif mended:
        note("photond: not everything could be mended")


def _print_kept(kept: Path | None) -> None:
    if kept is not None:
        print_line(f"the index that was there is kept as {printable(str(kept))}")


def _print_stats(database: Path, found: "Stats") -> None:
    def listed(counts: dict[str, int]) -> str:
        return ", ".join(f"{count:,} {name}" for name, count in counts.items())

    print_line(
        f"{printable(str(database))}: {_megabytes(found.file_bytes)}, of which "
        f"{_megabytes(found.free_bytes)} are free; {_megabytes(found.wal_bytes)} not yet written into it"
    )
    per_photo = found.bytes_per_photo
    a_photo = "" if per_photo is None else f", {per_photo / 1000:.1f} kB a photo"
    print_line(f"photos: {listed(found.files) or 'none'}{a_photo}")
    print_line(f"jobs: {listed(found.jobs) or 'none'}")
    unused = f", {found.unused_contents:,} without a file" if found.unused_contents else ""
    print_line(f"contents: {found.contents:,}{unused}")
    print_line(f"tags: {found.tags:,}, {found.user_tags:,} of the user's own")
    for pack in found.packs:
        print_line(
            f"pack {pack.name!r} ({pack.state}): {pack.embeddings:,} embeddings of "
            f"{pack.dimension} figures, {_megabytes(pack.bytes)}"
        )
    for name, size in found.tables.items():
        share = f", {size / found.photos:.0f} bytes a photo" if found.photos else ""
        print_line(f"table {name}: {_megabytes(size)}{share}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"


command(app, "check")(check)
command(app, "backup")(backup)
command(app, "restore")(restore)
command(app, "salvage")(salvage)
command(app, "vacuum")(vacuum)
command(app, "stats")(stats)
