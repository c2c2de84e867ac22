"""What a benchmark found: figures, each against a baseline of the same run.

A figure alone says as much about the machine, and about what else it did, as about photond. So each is
kept with a baseline that was measured in the same run on the same photos, and what is held, reported and
compared between releases is the ratio of the two.
"""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

LIBRARIES = ("numpy", "onnxruntime", "pillow", "sqlean.py", "sqlite-vec", "tokenizers", "typer")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure and what it is held against.

    Attributes:
        bench: The module that measured it.
        case: On what, in words that stay the same between releases.
        value: The figure.
        baseline: The same of the baseline; positive.
        unit: Of both, as "photos/s" or "ms".
        baseline_is: What the baseline is, in words.
        at_least: What `ratio` must be at least, where more is better.
        at_most: What `ratio` must be at most, where less is better.
    """

    bench: str
    case: str
    value: float
    baseline: float
    unit: str
    baseline_is: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def ratio(self) -> float:
        """The figure over its baseline."""
        return self.value / self.baseline

    @property
    def is_met(self) -> bool:
        """Whether the ratio is what it must be; true where nothing is demanded."""
        return (self.at_least is None or self.ratio >= self.at_least) and (
            self.at_most is None or self.ratio <= self.at_most
        )


def machine() -> dict[str, object]:
    """What measured: processor, cores, memory in GB, system, and versions of what does the work."""
    cpuinfo = Path("/proc/cpuinfo").read_text("utf-8")
    names = [
        line.partition(":")[2].strip() for line in cpuinfo.splitlines() if "model name" in line
    ]
    pages = os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": names[0] if names else platform.machine(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(pages * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "page_bytes": os.sysconf("SC_PAGE_SIZE"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "photond": version("photond"),
        **{name: version(name) for name in LIBRARIES},
    }


def print_report(measurements: Sequence[Measurement], *, as_json: bool = False) -> None:
    """Print what was measured, as JSON with the machine or as a table of ratios."""
    if as_json:
        rows = [asdict(one) | {"ratio": round(one.ratio, 4)} for one in measurements]
        print(json.dumps({"machine": machine(), "measurements": rows}, indent=2))
        return
    table = Table("bench", "case", "figure", "baseline", "ratio", "wanted", box=None)
    for one in measurements:
        wanted = f">= {one.at_least}" if one.at_least is not None else ""
        wanted = f"<= {one.at_most}" if one.at_most is not None else wanted
        table.add_row(
            one.bench,
            one.case,
            f"{one.value:,.4g} {one.unit}",
            f"{one.baseline:,.4g} ({one.baseline_is})",
            f"{one.ratio:.2f}",
            wanted if one.is_met else f"{wanted} MISSED",
        )
    Console(width=None if os.isatty(1) else 200).print(table)
