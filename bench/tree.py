"""What a process and all its children use: processor time and memory, from /proc (Linux)."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def members(pid: int) -> Iterator[int]:
    """A process and its descendants, those that are there."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from members(int(child))


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its descendants so far, those included that it has waited for."""
    total = 0
    for member in members(pid):
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # proc_pid_stat(5): utime, stime, and the same of children that were waited for.
        total += sum(map(int, fields[11:15]))
    return total / _TICKS


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a process and its descendants, in bytes; a page that several of them share counts once.

    Attributes:
        proportional: All of it.
        unbacked: What of it lies in no file: the system can only take it back by writing it to a swap.
    """

    proportional: int
    unbacked: int


def memory_of(pid: int) -> Memory:
    """What they have now; each is asked once, which stops it for a moment."""
    found = [smaps(member) for member in members(pid)]
    return Memory(
        sum(one.get("Pss", 0) for one in found),
        sum(one.get("Pss_Anon", 0) + one.get("Pss_Shmem", 0) for one in found),
    )


def proportional_bytes(pid: int) -> int:
    """All the memory of `memory_of`."""
    return memory_of(pid).proportional


def resident_bytes(pid: int) -> int:
    """As `proportional_bytes`, where such a page counts for each, and so do those of other programs."""
    return sum(smaps(member).get("Rss", 0) for member in members(pid))


def smaps(pid: int) -> dict[str, int]:
    """What /proc/PID/smaps_rollup says, in bytes; empty for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    parted = (line.partition(":") for line in lines)
    return {name: int(value.split()[0]) * 1024 for name, _, value in parted}
