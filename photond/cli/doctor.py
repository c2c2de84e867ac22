"""`photond doctor`."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from photond.cli.command import command
from photond.cli.output import finish, print_json, print_line
from photond.cli.session import Session
from photond.errors import ConfigError, ExitCode, PhotondError, UsageError

if TYPE_CHECKING:
    from photond.store.database import Connection

_MIN_FREE_BYTES = 500_000_000
_WATCH_LIMIT = Path("/proc/sys/fs/inotify/max_user_watches")
# Other programs watch folders, too, and the limit is of all that a user runs.
_WATCHES_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """What one examination found.

    Attributes:
        subject: What was examined.
        verdict: "ok", "warning" (it works, and could be better) or "error".
        detail: What was found.
        remedy: What the user can do about it; empty where there is nothing to do.
    """

    subject: str
    verdict: Literal["ok", "warning", "error"]
    detail: str
    remedy: str = ""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "doctor")(doctor)


def doctor(
    session: Session,
    alignment: Annotated[
        bool,
        typer.Option(
            "--alignment",
            help="Show what the model pack makes of known pictures and texts, in figures.",
        ),
    ] = False,
    pack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="With --alignment: look at this pack instead of the one in use.",
            show_default=False,
        ),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="With --alignment: take these pictures, named by what they show, as beach.jpg or "
            "dog/1.jpg.",
            show_default=False,
        ),
    ] = None,
    combined: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL.onnx",
            help="With --alignment: derive the score's scale and bias from this model, which has both "
            "towers in one.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Test everything that photond relies on, one line each, with the remedy where it is not so.

    With --alignment, look closely at a model pack: cosines, logits and confidences of pictures with
    texts, what the outputs and the padding do, and a verdict on each; the exit code is 4 where one is
    an error.
    """
    if alignment:
        from photond.cli.alignment import show_alignment

        show_alignment(session, pack, pictures, combined, json=json)
        return
    if (pack, pictures, combined) != (None, None, None):
        raise UsageError("--pack, --pictures and --combined belong to --alignment")
    examinations: tuple[Callable[[Session], Iterator[Finding]], ...] = (
        _configuration,
        _sqlite,
        _processor,
        _decoders,
        _model,
        _index,
        _folders,
        _watches,
        _socket,
        _service,
        _disk,
    )
    findings: list[Finding] = []
    for examine in examinations:
        try:
            findings.extend(examine(session))
        except PhotondError as error:
            subject = examine.__name__.removeprefix("_")
            findings.append(Finding(subject, "error", error.message, error.remedy))
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            remedy = f" -> {finding.remedy}" if finding.remedy else ""
            print_line(f"{finding.verdict:<8} {finding.subject:<14} {finding.detail}{remedy}")
    is_ill = any(finding.verdict == "error" for finding in findings)
    finish(ExitCode.INCOMPLETE if is_ill else ExitCode.DONE)


def _configuration(session: Session) -> Iterator[Finding]:
    from photond.config.locations import chosen_file

    settings = session.settings
    file = chosen_file(session.config)
    detail = f"{file}" if file.exists() else f"{file} is not there, the defaults hold"
    yield Finding("configuration", "ok", detail)
    if not settings.folders:
        yield Finding("folders", "warning", "none is configured", "Set `folders`, or name some.")


def _sqlite(_session: Session) -> Iterator[Finding]:
    import numpy as np
    import sqlean.dbapi2
    import sqlite_vec

    yield Finding("sqlite", "ok", f"SQLite {sqlean.dbapi2.sqlite_version}")
    connection = sqlean.dbapi2.connect(":memory:")
    try:
        connection.enable_load_extension(True)
        sqlite_vec.load(connection)
        connection.execute("create virtual table trial using vec0(v float[2])")
        connection.execute("insert into trial (v) values (?)", (np.ones(2, "<f4").tobytes(),))
        (found,) = connection.execute(
            "select rowid from trial where v match ? and k = 1", (np.zeros(2, "<f4").tobytes(),)
        ).fetchone()
        (version,) = connection.execute("select vec_version()").fetchone()
    except sqlean.dbapi2.Error as error:
        yield Finding("sqlite-vec", "error", str(error), "Install sqlite-vec again.")
        return
    finally:
        connection.close()
    page = os.sysconf("SC_PAGESIZE") // 1024
    detail = f"{version} finds its nearest neighbour ({found}); memory pages of {page} KiB"
    yield Finding("sqlite-vec", "ok", detail)


def _processor(_session: Session) -> Iterator[Finding]:
    """Whether onnxruntime can learn what it runs on."""
    from photond.models import processor

    if danger := processor.danger():
        yield Finding("processor", "error", danger, processor.REMEDY)
    elif unknown := processor.unknown():
        detail = f"{unknown}, so the model may be slow"
        yield Finding("processor", "warning", detail, processor.REMEDY)


def _decoders(_session: Session) -> Iterator[Finding]:
    """How far hostile photos are kept from everything else."""
    from photond.imaging.confine import has_landlock

    if has_landlock():
        yield Finding("decoders", "ok", "a photo that takes one over reads no file of yours")
    else:
        detail = "a photo that takes one over can read your files, as the kernel has no landlock"
        remedy = 'Use Linux 5.13 or newer, with "landlock" in /sys/kernel/security/lsm.'
        yield Finding("decoders", "warning", detail, remedy)


def _model(session: Session) -> Iterator[Finding]:
    from photond.cli.models import tried
    from photond.pipeline.alignment import try_out

    pack = session.pack
    yield Finding("model", "ok", f"the pack {pack.name!r} is {tried(pack, try_out(pack))}")
    if session.has_built_in_pack:
        yield Finding(
            "model",
            "warning",
            "the pack 'mini' knows a thousand things and no relations",
            "`photond models download` fetches SigLIP, which is far better.",
        )


def _index(session: Session) -> Iterator[Finding]:
    from photond.store import check

    path = session.database
    if not path.exists():
        yield Finding("index", "warning", f"there is none at {path} yet", "Run `photond index`.")
        return
    from photond.store.database import explained

    connection = session.open_index()
    with explained(path):
        findings = check.findings(connection)
        if not findings:
            yield Finding("index", "ok", f"{path}, {path.stat().st_size / 1e6:.1f} MB, is whole")
            yield from _searches(connection, path)
    connection.close()
    for finding in findings:
        yield Finding("index", "error", finding.detail, finding.remedy)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding("index", "warning", "others can read it", f"Run: chmod 600 {path}")
    if not os.access(path.parent, os.W_OK):
        detail = f"{path.parent} cannot be written to"
        yield Finding("index", "error", detail, "Check its permissions.")


def _searches(connection: "Connection", database: Path) -> Iterator[Finding]:
    """Whether searches go by a copy of the vectors, as they do where it can be written."""
    from photond.search.ranking import Rankings
    from photond.store.database import snapshot
    from photond.store.packs import serving_pack

    rankings = Rankings(database)
    with snapshot(connection):
        serving = serving_pack(connection)
        if serving is None:
            return
        rankings.at(connection, serving.id)
    rankings.let_go()
    if rankings.trouble:
        remedy = f"Look at the space on the disk of {database.parent}, and at its permissions."
        yield Finding(
            "searches", "warning", f"slower than they could be: {rankings.trouble}", remedy
        )


def _folders(session: Session) -> Iterator[Finding]:
    for folder in session.settings.folder_paths():
        if not folder.is_dir():
            yield Finding(
                "folder", "warning", f"{folder} is not there", "Its photos count as offline."
            )
        elif not os.access(folder, os.R_OK | os.X_OK):
            yield Finding("folder", "error", f"{folder} may not be read", "Check its permissions.")
        else:
            yield Finding("folder", "ok", f"{folder}")


def _watches(session: Session) -> Iterator[Finding]:
    """Whether the kernel lets the daemon watch every folder."""
    if not session.database.exists():
        return
    from photond.daemon.watches import RAISE_LIMIT
    from photond.store.database import explained
    from photond.store.files import count_folders

    try:
        limit = int(_WATCH_LIMIT.read_text("ascii"))
    except (OSError, ValueError):
        return  # a kernel without inotify; the daemon polls there
    with closing(session.open_index()) as connection, explained(session.database):
        folders = count_folders(connection)
    detail = f"{folders:,} folders with photos, and the kernel allows {limit:,} watches"
    if folders > _WATCHES_SHARE * limit:
        yield Finding("watches", "warning", detail, f"Run: {RAISE_LIMIT}")
    else:
        yield Finding("watches", "ok", detail)


def _socket(_session: Session) -> Iterator[Finding]:
    """Whether the daemon has a place to be asked, for this user's eyes alone."""
    from photond.config import locations

    try:
        socket = locations.socket_file()
    except ConfigError as error:
        yield Finding("socket", "warning", error.message, error.remedy)
        return
    for path, mode in ((socket.parent, 0o700), (socket, 0o600)):
        if not path.exists():
            yield Finding("socket", "ok", f"{path} is made when the daemon runs")
            return
        status = path.stat()
        if status.st_uid != os.geteuid():
            yield Finding("socket", "error", f"{path} is another user's", "Remove it.")
            return
        if stat.S_IMODE(status.st_mode) & ~mode:
            remedy = f"Run: chmod {mode:o} {path}"
            yield Finding("socket", "warning", f"others may use {path}", remedy)
            return
    yield Finding("socket", "ok", f"{socket} is for you alone")


def _service(_session: Session) -> Iterator[Finding]:
    """Whether the service, where it is installed, runs when nobody is logged in."""
    from photond.config import locations
    from photond.daemon import unit
    from photond.daemon.systemd import lingers

    file = locations.units_dir() / unit.NAME
    if not file.exists():
        return
    match lingers():
        case True:
            yield Finding("service", "ok", f"{file} is there, and runs from boot on (linger)")
        case False:
            detail = f"{file} is there, and runs only while you are logged in"
            yield Finding("service", "warning", detail, "Run: loginctl enable-linger")
        case None:
            yield Finding("service", "ok", f"{file} is there; logind does not say for how long")


def _disk(session: Session) -> Iterator[Finding]:
    place = session.database.parent
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    detail = f"{free / 1e9:.1f} GB free for the index"
    if free < _MIN_FREE_BYTES:
        yield Finding("disk", "warning", detail, f"Free some space on the disk of {place}.")
    else:
        yield Finding("disk", "ok", detail)
