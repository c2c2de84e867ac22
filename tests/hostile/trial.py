"""Hostile files in a process of their own, begun again behind each one that it does not survive."""

import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.child import MAX_SECONDS, Outcome

# The last step of a decoder may begin just before the limit.
_SLOW_SECONDS = 2 * MAX_SECONDS
_HUNG_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a run.

    Attributes:
        outcomes: Of the files that the process survived.
        crashed: The numbers of the files that it died of, and how.
        hung: The numbers of the files that it did not come back from.
        noise: Bytes that decoders wrote to standard error.
    """

    outcomes: list[Outcome]
    crashed: dict[int, str]
    hung: list[int]
    noise: int

    @property
    def wrong(self) -> list[Outcome]:
        """Neither a picture nor a reason, or not the one that was expected."""
        return [one for one in self.outcomes if one.result == "wrong"]

    @property
    def slow(self) -> list[Outcome]:
        """Took longer than a photo may, with as much again for its last step."""
        return [one for one in self.outcomes if one.seconds > _SLOW_SECONDS]

    @property
    def is_clean(self) -> bool:
        """Whether each file was read or refused, in time."""
        return not (self.wrong or self.slow or self.crashed or self.hung)


def trial(seed: int, first: int, end: int) -> Trial:
    """Read the files of a seed's corpus from `first` up to `end`."""
    result = Trial([], {}, [], 0)
    noise = 0
    while first < end:
        with tempfile.TemporaryFile() as errors:
            argv = [sys.executable, "-m", "tests.hostile.child", str(seed), str(first), str(end)]
            with _started(argv, errors) as (process, lines):
                begun, hung = _follow(lines, first, result)
            noise += errors.seek(0, 2)
            errors.seek(max(0, noise - 500))
            if hung:
                result.hung.append(begun)
            elif process.returncode:
                last = errors.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
                result.crashed[begun] = f"exit code {process.returncode} {last}"
        first = begun + 1
    return Trial(result.outcomes, result.crashed, result.hung, noise)


def _follow(lines: "queue.Queue[bytes]", first: int, result: Trial) -> tuple[int, bool]:
    """The last file that was begun, and whether it went on for ever."""
    begun = first
    while True:
        try:
            line = lines.get(timeout=_HUNG_SECONDS)
        except queue.Empty:
            return begun, True
        if not line:
            return begun, False
        if line.startswith(b"{"):
            result.outcomes.append(Outcome(**json.loads(line)))
        else:
            begun = int(line)


@contextmanager
def _started(
    argv: list[str], errors: object
) -> Iterator[tuple[subprocess.Popen[bytes], "queue.Queue[bytes]"]]:
    lines: queue.Queue[bytes] = queue.Queue()
    process = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=errors, cwd=Path(__file__).parents[2]
    )

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        process.wait()
        lines.put(b"")  # nothing more comes, and the exit code is known

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield process, lines
    finally:
        process.kill()
        reader.join()
        if process.stdout is not None:
            process.stdout.close()
