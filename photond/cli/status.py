"""`photond status`."""

import glob
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photond.cli.command import command
from photond.cli.output import console, finish, print_json, print_line
from photond.cli.session import Session
from photond.errors import ExitCode, UsageError
from photond.printable import printable

if TYPE_CHECKING:
    from photond.store.jobs import FailedJob
    from photond.store.scans import Scan

_PATIENCE = 5.0  # seconds
_REFRESH = 1.0
_LIVE_FAILURES = 10
_WATCHES = {"events": "as it changes", "polling": "looked at every so often", "offline": "offline"}


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to say.

    Attributes:
        daemon: What the daemon says of itself, as docs/protocol.md has it; None if there is none.
        daemon_problem: Why it says nothing although it is there; empty if it does.
        switching_to: The pack that is about to answer, and how many embeddings it has.
        counts: How many photos are "present", "offline" and "missing".
        companions: How many RAW files are there that a JPEG or HEIC is read in place of.
        spoilt: How many embeddings searches leave out because they are none any more.
    """

    index: str
    size: int
    daemon: dict[str, Any] | None
    daemon_problem: str
    pack: str
    embeddings: int
    switching_to: tuple[str, int] | None
    counts: dict[str, int]
    companions: int
    waiting: int
    spoilt: int
    failures: "list[FailedJob]"
    folders: "list[Scan]"

    @property
    def is_healthy(self) -> bool:
        return not (self.failures or self.waiting or self.spoilt or self.daemon_problem)


def _size_on_disk(database: Path) -> int:
    """What the index takes, with what SQLite has not yet written into its file and the vectors' copy."""
    beside = database.parent.glob(f"{glob.escape(database.name)}-*")
    files = (database, *(file for file in beside if not file.name.endswith("-shm")))
    # In blocks of 512 bytes, stat(2): files of vectors have holes.
    return sum(file.stat().st_blocks * 512 for file in files if file.exists())


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "status")(status)


def status(
    session: Session,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Stay, and show how it goes on, until Ctrl-C.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what the daemon does, what is in the index, what is waiting, and what failed and why.

    Exits with 0 if every photo is indexed, with 1 if some failed, are waiting or cannot be found.
    """
    if watch:
        if json or not sys.stdout.isatty():
            raise UsageError("--watch shows a live view, which needs a terminal and no --json")
        _watch(session)
        return
    report = _report(session)
    if json:
        print_json(_as_json(report))
    else:
        for line in _lines(report, len(report.failures)):
            print_line(line)
    finish(ExitCode.DONE if report.is_healthy else ExitCode.INCOMPLETE)


def _watch(session: Session) -> None:
    from rich.live import Live
    from rich.text import Text

    def view() -> Text:
        return Text("\n".join(map(printable, _lines(_report(session), _LIVE_FAILURES))))

    try:
        with Live(view(), console=console(), auto_refresh=False) as live:
            while True:
                time.sleep(_REFRESH)
                live.update(view(), refresh=True)
    except KeyboardInterrupt:
        pass


def _report(session: Session) -> Report:
    from photond.daemon.client import DaemonError, ask
    from photond.store import companions, copies, embeddings, files, jobs, packs, scans
    from photond.store.database import explained, snapshot

    answer, problem = None, ""
    try:
        answer = ask("status", timeout=_PATIENCE)
    except DaemonError as error:
        problem = str(error)
    database = session.database
    with closing(session.open_index()) as connection, explained(database), snapshot(connection):
        stored = {pack.id: pack for pack in packs.all_packs(connection)}
        embedded = {id_: embeddings.count_embeddings(connection, id_) for id_ in stored}
        serving = next((pack for pack in stored.values() if pack.state == "serving"), None)
        fingerprint = session.pack.fingerprint
        chosen = next((one for one in stored.values() if one.fingerprint == fingerprint), None)
        # What answers: the pack in use, or the one that it is about to replace.
        answers = session.pack.name if serving is None or serving is chosen else serving.name
        switched = 0 if chosen is None else embedded[chosen.id]
        return Report(
            index=str(database),
            size=_size_on_disk(database),
            daemon=None if answer is None else answer.result,
            daemon_problem=problem,
            pack=answers,
            embeddings=0 if serving is None else embedded[serving.id],
            switching_to=None if answers == session.pack.name else (session.pack.name, switched),
            counts=files.counts_by_state(connection),
            companions=companions.count_companions(connection),
            waiting=jobs.count_waiting(connection),
            spoilt=0 if serving is None else copies.count_spoilt(connection, database, serving.id),
            failures=jobs.failures(connection),
            folders=scans.last_scans(connection),
        )


def _as_json(report: Report) -> dict[str, object]:
    switching = report.switching_to
    return {
        "index": report.index,
        "bytes": report.size,
        "daemon": report.daemon,
        "daemon_problem": report.daemon_problem or None,
        "pack": report.pack,
        "switching_to": switching and {"pack": switching[0], "embeddings": switching[1]},
        "photos": report.counts.get("present", 0),
        "offline": report.counts.get("offline", 0),
        "missing": report.counts.get("missing", 0),
        "companions": report.companions,
        "embeddings": report.embeddings,
        "waiting": report.waiting,
        "spoilt": report.spoilt,
        "failed": [
            {"path": one.path, "reason": one.reason, "quarantined": one.is_quarantined}
            for one in report.failures
        ],
        "folders": [
            {
                "path": scan.path,
                "scan_started_at": scan.started_at,
                "scan_finished_at": scan.finished_at,
            }
            for scan in report.folders
        ],
    }


def _lines(report: Report, most_failures: int) -> list[str]:
    lines = _daemon_lines(report)
    lines.append(f"index     {report.index} ({report.size / 1e6:.1f} MB)")
    lines.append(f"pack      {report.pack}, {_embeddings(report.embeddings)}")
    if report.switching_to:
        name, embedded = report.switching_to
        lines.append(f"switching to {name}, {_embeddings(embedded)} so far")
    beside = f", {report.companions:,} with a RAW beside them" if report.companions else ""
    lines.append(f"photos    {report.counts.get('present', 0):,}{beside}")
    for state in ("offline", "missing"):
        if count := report.counts.get(state):
            lines.append(f"{state:<10}{count:,}")
    if report.waiting:
        by_hand = "" if _keeps_this_index(report) else " (`photond index` goes on with them)"
        lines.append(f"waiting   {report.waiting:,}{by_hand}")
    if report.spoilt:
        from photond.store.embeddings import EMBEDDED_AGAIN

        lines.append(f"spoilt    {_embeddings(report.spoilt)} ({EMBEDDED_AGAIN})")
    for scan in report.folders:
        finished = scan.finished_at or "not finished"
        lines.append(f"folder    {printable(scan.path)}, last scan {finished}")
    if report.failures:
        lines.append(f"failed    {len(report.failures):,}")
    lines += [f"  {printable(one.path)}: {one.reason}" for one in report.failures[:most_failures]]
    if len(report.failures) > most_failures:
        lines.append("  ...")
    return lines


def _daemon_lines(report: Report) -> list[str]:
    daemon = report.daemon
    if daemon is None:
        return [f"daemon    {report.daemon_problem}"] if report.daemon_problem else []
    lines = [f"daemon    {printable(daemon['doing'])} (process {daemon['pid']})"]
    if not _keeps_this_index(report):
        lines.append(f"          it keeps another index, {printable(daemon['database'])}")
        return lines
    if daemon["rate"] is not None:
        left = _duration(daemon["seconds_left"])
        lines.append(f"rate      {daemon['rate']:.1f} photos/s" + (left and f", {left} left"))
    if daemon["paused_by"]:
        lines.append(f"paused by {' and '.join(daemon['paused_by'])}")
    # A daemon that was not started again since an upgrade does not say it.
    if trouble := daemon.get("search_trouble"):
        lines.append(f"searches  slower than they could be: {printable(trouble)}")
    for folder in daemon["roots"]:
        # Most are watched by the kernel's events and need no words.
        if folder["watch"] != "events" or folder["detail"]:
            detail = folder["detail"] and f": {folder['detail']}"
            how = _WATCHES.get(folder["watch"], folder["watch"])
            lines.append(f"watching  {printable(folder['path'])}, {how}{detail}")
    return lines


def _embeddings(count: int) -> str:
    return "1 embedding" if count == 1 else f"{count:,} embeddings"


def _keeps_this_index(report: Report) -> bool:
    return report.daemon is not None and report.daemon["database"] == report.index


def _duration(seconds: float | None) -> str:
    """A length of time as one would say it; empty if it is not known."""
    if seconds is None:
        return ""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
