"""Running a command, and what it costs: time, processor time, and the memory of all its processes."""

import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.tree import memory_of

_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command has cost.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Processor seconds of it and of the processes that it started and waited for.
        peak: The most memory that it had with all its processes, in bytes: proportional set sizes,
            added up, looked at twenty times a second.
        unbacked: The most of it that lies in no file.
    """

    wall: float
    cpu: float
    peak: int
    unbacked: int


def cost_of(argv: Sequence[str], environ: Mapping[str, str], folder: Path | None = None) -> Cost:
    """Run a command to its end.

    Raises:
        subprocess.CalledProcessError: It failed; its output is in the error.
    """
    before, started = spent(), time.perf_counter()
    process = subprocess.Popen(
        argv, env=environ, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    peak = unbacked = 0
    ended = threading.Event()

    def look() -> None:
        nonlocal peak, unbacked
        while not ended.wait(_SAMPLE_SECONDS):
            now = memory_of(process.pid)
            peak, unbacked = max(peak, now.proportional), max(unbacked, now.unbacked)

    looking = threading.Thread(target=look)
    looking.start()
    output, _ = process.communicate()
    wall = time.perf_counter() - started
    ended.set()
    looking.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(argv), output)
    return Cost(wall, spent() - before, peak, unbacked)


def spent() -> float:
    """The processor seconds of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def without_settings() -> dict[str, str]:
    """This process's environment without what would configure photond."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PHOTOND_")}
