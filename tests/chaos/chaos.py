"""Chaos: the real daemon, an actor that does its worst, kills at random moments, and the verdict."""

import os
import signal
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from photond.store.database import connect
from tests.chaos.actor import Actor
from tests.conftest import Command, make_command
from tests.daemon.conftest import SETTLE_SECONDS, RunningDaemon

_CALM_SECONDS = 4 * SETTLE_SECONDS + 1


@dataclass(frozen=True)
class Verdict:
    """What came of it.

    Attributes:
        differences: How the index differs from a fresh one; empty if all is well.
        photos: How many photos there were in the end.
        kills: How often the daemon was killed.
        done: What the actor did, and how often.
    """

    differences: list[str]
    photos: int
    kills: int
    done: Counter[str]


def run(place: Path, seed: int, seconds: float) -> Verdict:
    """Let the actor loose for a while, let the daemon settle, and compare with a fresh index."""
    photond = make_command(place / "home")
    actor = Actor(place, seed)
    daemon = RunningDaemon(photond, actor.roots)
    try:
        kills = _rage(daemon, actor, seconds)
        _settle(daemon)
        return _judge(daemon, actor, kills)
    finally:
        daemon.process.kill()


def _rage(daemon: RunningDaemon, actor: Actor, seconds: float) -> int:
    """Let the actor loose, and kill the daemon now and then; returns how often."""
    kills = 0
    end = time.monotonic() + seconds
    kill_at = time.monotonic() + actor.random.uniform(2, 8)
    while time.monotonic() < end:
        actor.act()
        if time.monotonic() >= kill_at:
            daemon.stop(signal.SIGKILL)
            kills += 1
            if actor.random.random() < 0.5:
                actor.act()  # while nobody looks
            daemon.start()
            kill_at = time.monotonic() + actor.random.uniform(1, 8)
    return kills


def _judge(daemon: RunningDaemon, actor: Actor, kills: int) -> Verdict:
    photond = daemon.photond
    expected = _fresh_index(photond, actor.roots)
    found = snapshot(photond.database)
    differences = _differences(expected, found)
    if daemon.stop() != 0:
        differences.append("the daemon did not end well")
    for trace in ("Traceback", "unexpected"):
        if trace in daemon.said:
            differences.append(f"the daemon said {trace!r}: {daemon.said}")
    doctor = photond("doctor", code=None, PHOTOND_FOLDERS=daemon.environ["PHOTOND_FOLDERS"])
    if "is whole" not in doctor.stdout:
        differences.append(f"the index is not whole: {doctor.stdout}")
    return Verdict(differences, len(found), kills, actor.done)


def _settle(daemon: RunningDaemon) -> None:
    """Wait until nothing is waiting, and nothing has changed for longer than a photo settles."""
    calm_since, before = time.monotonic(), -1
    end = calm_since + 600
    while time.monotonic() - calm_since < _CALM_SECONDS:
        assert time.monotonic() < end, f"it never settles: {daemon.said}"
        assert daemon.process.poll() is None, f"it ended: {daemon.said}"
        (changes,) = daemon.rows("select max(rowid), count(*) from files") or [(0, 0)]
        waiting = daemon.rows(
            "select count(*) from jobs where state in ('queued', 'running', 'suspect')"
        )
        if waiting != [(0,)] or changes != before:
            calm_since, before = time.monotonic(), changes
        time.sleep(0.1)


def _fresh_index(photond: Command, roots: list[Path]) -> dict[str, tuple]:
    database = photond.home / "fresh.db"
    photond("index", *roots, code=None, PHOTOND_DATABASE=str(database))
    return snapshot(database)


def snapshot(database: Path) -> dict[str, tuple]:
    """All that an index says of each photo that is there: facts, failure, embedding and tags."""
    with closing(connect(database)) as connection:
        rows = connection.execute(
            """
            select folders.path || '/' || name, files.size, files.mtime_ns, sha256, format, width,
              height, taken_at, camera, jobs.state, jobs.reason, content_id
            from files join folders on folders.id = folder_id
            left join contents on contents.id = content_id
            left join jobs on jobs.file_id = files.id
            where files.state = 'present'
            """
        ).fetchall()
        tags = connection.execute(
            "select content_id, name, confidence from tags join labels on labels.id = label_id"
        ).fetchall()
        vectors = {
            id_: np.frombuffer(blob, "<f4")
            for id_, blob in connection.execute("select content_id, embedding from embeddings_1")
        }
    tags_of: dict[int, set[tuple[str, float]]] = {}
    for content_id, name, confidence in tags:
        tags_of.setdefault(content_id, set()).add((name, round(confidence, 4)))
    return {
        os.fsdecode(path) if isinstance(path, bytes) else path: (
            *facts,
            frozenset(tags_of.get(content_id, ())),
            None if content_id is None else tuple(np.round(vectors[content_id], 4).tolist()),
        )
        for path, *facts, content_id in rows
    }


def _differences(expected: dict[str, tuple], found: dict[str, tuple]) -> list[str]:
    return [
        *(f"missing: {path}" for path in sorted(expected.keys() - found.keys())),
        *(f"not there: {path}" for path in sorted(found.keys() - expected.keys())),
        *(
            f"different: {path}: {found[path][:10]} and not {expected[path][:10]}"
            for path in sorted(expected.keys() & found.keys())
            if expected[path] != found[path]
        ),
    ]
