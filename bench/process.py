"""Running a command, and what it costs: time, processor time, and the memory of all its processes."""

import os
import resource
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command has cost.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Processor seconds of it and of the processes that it started and waited for.
        peak: The most memory that it had with all its processes, in bytes: proportional set sizes,
            added up, looked at twenty times a second.
    """

    wall: float
    cpu: float
    peak: int


def cost_of(argv: Sequence[str], environ: Mapping[str, str], folder: Path | None = None) -> Cost:
    """Run a command to its end.

    Raises:
        subprocess.CalledProcessError: It failed; its output is in the error.
    """
    before, started = _spent(), time.perf_counter()
    process = subprocess.Popen(
        argv, env=environ, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    peak = 0
    ended = threading.Event()

    def look() -> None:
        nonlocal peak
        while not ended.wait(_SAMPLE_SECONDS):
            peak = max(peak, memory_of(process.pid))

    looking = threading.Thread(target=look)
    looking.start()
    output, _ = process.communicate()
    wall = time.perf_counter() - started
    ended.set()
    looking.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(argv), output)
    return Cost(wall, _spent() - before, peak)


def memory_of(pid: int) -> int:
    """The proportional set size of a process and all its descendants, in bytes."""
    children = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                # proc_pid_stat(5): the parent is the second field after the name in parentheses.
                stat = (folder / "stat").read_text("utf-8", "replace")
                children[int(stat.rpartition(")")[2].split()[1])].append(int(folder.name))
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        waiting += children[one]
        with suppress(OSError):
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text("utf-8")
            total += sum(
                int(line.split()[1]) << 10
                for line in rollup.splitlines()
                if line.startswith("Pss:")
            )
    return total


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def without_settings() -> dict[str, str]:
    """This process's environment without what would configure photond."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PHOTOND_")}
