"""Cutting the power at many moments of one recording."""

import gc
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.powercut.disk import Disk
from tests.powercut.recording import Recording, record, small_copies
from tests.powercut.verdict import Judge


@dataclass(slots=True)
class Verdict:
    """What came of it.

    Attributes:
        operations: How many moments there were to choose from.
        cuts: How many cuts were made, by the command that was at work.
        problems: What was wrong after one of them.
    """

    operations: int
    cuts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def run(
    place: Path,
    seed: int,
    cuts: int,
    on_cut: Callable[[Verdict], None] = lambda _: None,
    *,
    is_lying: bool = False,
) -> Verdict:
    """Record what commands do to an index, and judge what is left of it by cuts of the power.

    Args:
        place: An empty folder, which should be in memory.
        seed: Of the moments, and of what is lost at each.
        cuts: How many.
        on_cut: Told after each.
        is_lying: Whether the disk loses what was synced as well.
    """
    recording = record(place)
    small_copies()
    judge = Judge.of(recording, place)
    gc.freeze()  # each pass has the garbage collected, which takes as long as there are objects
    disk, verdict = Disk(is_lying), Verdict(len(recording.operations))
    done = 0
    for moment, number in _moments(recording, seed, cuts):
        for operation in recording.operations[done:moment]:
            disk.do(operation)
        done = moment
        under_way = recording.operations[moment] if moment < verdict.operations else None
        left = disk.cut(random.Random(f"{seed} {moment} {number}"), under_way)
        stage = [one for one in recording.stages if one.begun <= moment][-1]
        verdict.cuts[stage.command] += 1
        verdict.problems += [
            f"cut {number} at {moment} ({stage.command}): {problem}"
            for problem in judge.problems(left, moment)
        ]
        on_cut(verdict)
    for operation in recording.operations[done:]:
        disk.do(operation)
    # What was not seen being done could not be lost either.
    for name, content in disk.files.items():
        if (recording.photond.database.parent / name).read_bytes() != content:
            verdict.problems.append(f"the record of {name} is not complete")
    return verdict


def _moments(recording: Recording, seed: int, cuts: int) -> Iterator[tuple[int, int]]:
    """When to cut: after how many operations, in order, each with which cut of this moment it is.

    Each command gets its share, however few its operations are, and each of its moments a cut before
    any gets another.
    """
    chance = random.Random(seed)
    begun = [one.begun for one in recording.stages]
    ends = [*begun[1:], len(recording.operations) + 1]
    for stage, (start, end) in enumerate(zip(begun, ends, strict=True)):
        share = cuts // len(begun) + (stage < cuts % len(begun))
        rounds, rest = divmod(share, end - start)
        once_more = set(chance.sample(range(start, end), rest))
        for moment in range(start, end):
            for number in range(rounds + (moment in once_more)):
                yield moment, number
