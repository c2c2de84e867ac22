"""`photond show`."""

from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photond.cli.command import command
from photond.cli.output import finish, note, print_json, print_line
from photond.cli.session import Session, absolute
from photond.cli.tags import implied_by, tag_as_json, tag_in_words
from photond.errors import ExitCode
from photond.printable import printable

if TYPE_CHECKING:
    from photond.search.known import KnownContent, KnownPhoto
    from photond.store.records import JobRecord
    from photond.store.tags import Tag

_WIDTH = 10


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "show")(show)


def show(
    session: Session,
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Photos.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show everything that is known of photos: facts, tags, copies, what failed and why.

    Of a photo that is not in the index, it says why.
    """
    from photond.search.known import known_photo
    from photond.store.database import explained, snapshot
    from photond.store.scans import last_scans

    paths = [absolute(photo) for photo in photos]
    with (
        closing(session.open_index()) as connection,
        explained(session.database),
        snapshot(connection),
    ):
        known = {path: known_photo(connection, path) for path in paths}
        roots = [scan.path for scan in last_scans(connection)]
    reasons = {
        path: _why_not(session, path, roots) for path, photo in known.items() if photo is None
    }
    found = [photo for photo in known.values() if photo is not None]
    if json:
        print_json(
            [
                {"path": path, "indexed": False, "why": reasons[path]}
                if photo is None
                else _as_json(photo, _implied(session, photo.content))
                for path, photo in known.items()
            ]
        )
    else:
        for photo in found:
            if photo is not found[0]:
                print_line()
            _print(photo, _implied(session, photo.content))
    for path, reason in reasons.items():
        note(f"photond: {printable(path)} is not in the index: {printable(reason)}")
    if any(photo is None or photo.content is None for photo in known.values()):
        finish(ExitCode.INCOMPLETE)


def _why_not(session: Session, path: str, scanned: list[str]) -> str:
    from photond.pipeline.inputs import rules_of
    from photond.pipeline.refusal import why_not_indexed

    configured = map(str, session.settings.folder_paths())
    return why_not_indexed(path, [*configured, *scanned], rules_of(session.settings))


def _implied(session: Session, content: "KnownContent | None") -> "Mapping[str, Tag]":
    return {} if content is None else implied_by(content.tags, session.vocabulary)


def _as_json(photo: "KnownPhoto", implied: "Mapping[str, Tag]") -> dict[str, object]:
    file, content = photo.file, photo.content
    described: dict[str, object] = {
        "path": photo.path,
        "indexed": content is not None,
        "state": file.state,
        "missing_since": file.missing_since,
        "bytes": file.size,
        "modified_at": _modified(file.mtime_ns),
        "read_as": file.read_as,
        "companions": list(file.companions),
        "job": None if file.job is None else _job_as_json(file.job),
    }
    if content is None:
        return described
    facts = content.facts
    return described | {
        "sha256": facts.sha256,
        "format": facts.format,
        "width": facts.width,
        "height": facts.height,
        "taken_at": facts.taken_at,
        "utc_offset_minutes": facts.utc_offset_minutes,
        "camera": facts.camera,
        "lens": facts.lens,
        "latitude": facts.latitude,
        "longitude": facts.longitude,
        "tags": [
            *(tag_as_json(tag, "user" if tag.by_user else "model") for tag in content.tags),
            *(tag_as_json(tag, "implied") for tag in implied.values()),
        ],
        "copies": [{"path": copy.path, "state": copy.state} for copy in content.copies],
        "indexed_at": file.indexed_at,
        "packs": [{"pack": name, "state": state} for name, state in content.packs],
    }


def _job_as_json(job: "JobRecord") -> dict[str, object]:
    return {
        "state": job.state,
        "reason": job.reason,
        "attempts": job.attempts,
        "queued_at": job.queued_at,
    }


def _print(photo: "KnownPhoto", implied: "Mapping[str, Tag]") -> None:
    file, content = photo.file, photo.content
    print_line(printable(photo.path))
    _print_fact(
        "state", file.state + (f" since {file.missing_since}" if file.missing_since else "")
    )
    _print_fact("file", f"{file.size:,} bytes, modified {_modified(file.mtime_ns)}")
    if file.read_as is not None:
        _print_fact("read as", f"{file.read_as}, the photo beside it")
    _print_fact("RAW", ", ".join(file.companions))
    if content is not None:
        _print_content(content, implied)
        packs = " and ".join(f"{name} ({state})" for name, state in content.packs)
        _print_fact("indexed", f"{file.indexed_at}, with {packs or 'no pack any more'}")
    if file.job is not None:
        _print_job(file.job)


def _print_content(content: "KnownContent", implied: "Mapping[str, Tag]") -> None:
    facts = content.facts
    _print_fact("picture", f"{facts.format}, {facts.width} x {facts.height}")
    if facts.taken_at is not None:
        _print_fact("taken", facts.taken_at.replace("T", " ") + _offset(facts.utc_offset_minutes))
    _print_fact("camera", facts.camera)
    _print_fact("lens", facts.lens)
    if facts.latitude is not None and facts.longitude is not None:
        _print_fact("place", f"{facts.latitude:.5f}, {facts.longitude:.5f}")
    _print_fact("tags", ", ".join(map(tag_in_words, content.tags)))
    _print_fact("implied", ", ".join(implied))
    _print_fact("sha256", facts.sha256)
    for copy in content.copies:
        _print_fact("copy", copy.path + ("" if copy.state == "present" else f" ({copy.state})"))


def _print_job(job: "JobRecord") -> None:
    if job.has_failed:
        _print_fact("failed", job.reason)
        _print_fact("", "It is tried again when it changes, or by `photond retry`.")
    else:
        again = f" (before: {job.reason})" if job.reason else ""
        _print_fact("waiting", f"{job.state} since {job.queued_at}{again}")


def _print_fact(name: str, value: str | None) -> None:
    """Print one line, if there is anything to say."""
    if value:
        print_line(f"  {name:<{_WIDTH}}{printable(value)}")


def _modified(mtime_ns: int) -> str:
    return datetime.fromtimestamp(mtime_ns // 10**9).astimezone().isoformat(timespec="seconds")


def _offset(minutes: int | None) -> str:
    if minutes is None:
        return ""
    sign = "-" if minutes < 0 else "+"
    return f" {sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
