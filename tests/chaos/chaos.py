"""Chaos: the real daemon, an actor that does its worst, kills at random moments, and the verdict."""

import random
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from photond.errors import ExitCode
from tests.chaos.actor import Actor
from tests.chaos.comparison import Row, differences, snapshot
from tests.chaos.lives import Lives
from tests.conftest import Command, make_command
from tests.daemon.conftest import SETTLE_SECONDS

_CALM_SECONDS = 4 * SETTLE_SECONDS + 1
# It may be waiting for up to a minute before it tries a disk again that was full.
_PATIENCE_SECONDS = 600
_MEDDLE_SHARE = 0.06
_FULL_SECONDS = (0.2, 4.0)
_EARLY_SHARE = 0.3
_STARTING_SECONDS = 1.5
_LIFE_SECONDS = (0.5, 2.0, 6.0)


@dataclass(frozen=True)
class Verdict:
    """What came of it.

    Attributes:
        problems: How the index differs from a fresh one, and what else is wrong; empty if all is well.
        photos: How many photos there were in the end.
        done: What was done to the daemon and the folders, and how often.
    """

    problems: list[str]
    photos: int
    done: Counter[str]


def run(place: Path, seed: int, seconds: float, *, has_mounts: bool) -> Verdict:
    """Let the actor loose for a while, let the daemon settle, and compare with a fresh index.

    Twice: as the disks are when the time is up, and once more with all disks plugged in again.
    """
    photond = make_command(place / "home")
    actor = Actor(place, seed, photond.database.parent, has_mounts=has_mounts)
    lives = Lives(photond, actor.roots, place / "scratch")
    try:
        _rage(lives, actor, random.Random(seed + 1), seconds)
        photos = _judge(lives, actor)
        if actor.disks:
            photos = _plug_all_in(lives, actor)
        lives.end()
        _check(lives)
        return Verdict(lives.problems, photos, actor.done + lives.done)
    finally:
        lives.close()
        if actor.disks:
            actor.disks.close()


def _rage(lives: Lives, actor: Actor, chance: random.Random, seconds: float) -> None:
    """Let the actor loose, meddle with the daemon, and kill it now and then."""
    disks = actor.disks
    end = time.monotonic() + seconds
    life_seconds = _start(lives, chance)
    free_at = 0.0
    while time.monotonic() < end:
        if chance.random() < _MEDDLE_SHARE:
            lives.meddle(chance)
        else:
            actor.act()
        if disks and disks.is_full:
            free_at = free_at or time.monotonic() + chance.uniform(*_FULL_SECONDS)
            if time.monotonic() >= free_at:
                disks.free()
                free_at = 0.0
        has_died = lives.has_died()
        if not has_died and lives.begun_for >= life_seconds:
            lives.kill()
            has_died = True
        if has_died:
            if chance.random() < 0.5:
                actor.act()  # while nobody looks
            life_seconds = _start(lives, chance)
    if disks:
        disks.free()
    if lives.has_died():
        lives.start()


def _start(lives: Lives, chance: random.Random) -> float:
    """Start the daemon, and kill some lives while they are starting.

    Returns:
        For how many seconds the one that is left may live once it has begun.
    """
    lives.start()
    while chance.random() < _EARLY_SHARE:
        time.sleep(chance.uniform(0.0, _STARTING_SECONDS))
        lives.kill()
        lives.start()
    return chance.uniform(0.0, chance.choice(_LIFE_SECONDS))


def _judge(lives: Lives, actor: Actor) -> int:
    """Hold the index against a fresh one; returns how many photos there are."""
    _settle(lives)
    found = snapshot(lives.photond.database)
    expected = _fresh_index(lives.photond, actor.roots)
    wrong = differences(expected, found)
    if wrong:
        shutil.copy(lives.copied_index(), lives.scratch / f"wrong-{time.time_ns()}.db")
    lives.problems += wrong
    return len(expected)


def _plug_all_in(lives: Lives, actor: Actor) -> int:
    """Plug in every disk, and hold the index against a fresh one; nothing that it had is computed again.

    Returns:
        How many photos there are then.
    """
    assert actor.disks is not None
    look, place = lives.look(), lives.log.stat().st_size
    while actor.disks.unplugged:
        actor.disks.plug(actor.random)
    photos = _judge(lives, actor)
    assert look is not None
    again = look.embedded & lives.embedded_since(place)
    lives.problems += [f"embedded again when its disk was back: {sha256}" for sha256 in again]
    return photos


def _settle(lives: Lives) -> None:
    """Wait until the daemon is at rest, and has been for longer than a photo takes to settle.

    What kills have quarantined is tried again first, as a user would.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    while lives.tell("resume") is None:
        _go_on(lives, end)
    lives.done["photos quarantined by kills"] += lives.count_quarantined()
    while lives.tell("retry") is None:
        _go_on(lives, end)
    calm_since, before = time.monotonic(), None
    while time.monotonic() - calm_since < _CALM_SECONDS:
        _go_on(lives, end)
        status = lives.status() or {}
        at_rest = (status.get("done"), status.get("commands"))
        is_calm = status.get("state") == "idle" and not status["settling"]
        if not is_calm or at_rest != before or not status["commands"]:
            calm_since, before = time.monotonic(), at_rest


def _go_on(lives: Lives, end: float) -> None:
    said = lives.log.read_text("utf-8", "replace")[-4000:]
    assert lives.process.poll() is None, f"it ended: {said}"
    assert time.monotonic() < end, f"it never settles: {lives.status()} {said}"
    time.sleep(0.1)


def _fresh_index(photond: Command, roots: list[Path]) -> dict[str, Row]:
    database = photond.home / "fresh.db"
    for old in database.parent.glob("fresh.db*"):
        old.unlink()
    run = photond(
        "index",
        *roots,
        code=None,
        PHOTOND_DATABASE=str(database),
        XDG_RUNTIME_DIR=str(photond.home),
    )
    assert run.code in {ExitCode.DONE, ExitCode.INCOMPLETE}, run.stderr
    return snapshot(database)


def _check(lives: Lives) -> None:
    run = lives.photond("db", "check", code=None)
    if run.code != ExitCode.DONE:
        lives.problems.append(f"photond db check: {run.stdout}{run.stderr}")
