"""What a benchmark found: figures, each against a baseline of the same run.

A figure alone says as much about the machine, and about what else it did, as about photond. So each is
kept with a baseline that was measured in the same run on the same photos, and what is held, reported and
compared between releases is the ratio of the two.
"""

import argparse
import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

# How units end of which more is better: those by the second.
RATES = ("/s", "/CPU s")
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
        more_is_better: To say so where neither a demand does nor the unit, one of `RATES`.
    """

    bench: str
    case: str
    value: float
    baseline: float
    unit: str
    baseline_is: str
    at_least: float | None = None
    at_most: float | None = None
    more_is_better: bool = False

    @property
    def wants_more(self) -> bool:
        """Whether a larger ratio is the better one."""
        if self.at_least is not None or self.at_most is not None:
            return self.at_least is not None
        return self.more_is_better or self.unit.endswith(RATES)

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


def document(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """What was measured and on what, as it is kept in JSON."""
    rows = [asdict(one) | {"ratio": round(one.ratio, 4)} for one in measurements]
    return {"machine": machine(), "measurements": rows}


def measurements_in(kept: Mapping[str, Any]) -> list[Measurement]:
    """The measurements of a document."""
    names = [field.name for field in fields(Measurement)]
    return [
        Measurement(**{name: row[name] for name in names if name in row})
        for row in kept["measurements"]
    ]


def run_benchmark(
    about: str,
    add_options: Callable[[argparse.ArgumentParser], None],
    measure: Callable[[argparse.Namespace], Sequence[Measurement]],
) -> None:
    """What a benchmark does when it is run: read its options, measure, and print the report.

    Args:
        about: Its docstring, of which the first line is the help.
        add_options: Adds the options that are its own.
        measure: Is given them.
    """
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    add_options(parser)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print_report(measure(options), as_json=options.json)


def print_report(measurements: Sequence[Measurement], *, as_json: bool = False) -> None:
    """Print what was measured, as JSON with the machine or as a table of ratios."""
    if as_json:
        print(json.dumps(document(measurements), indent=2))
        return
    table = Table("bench", "case", "figure", "baseline", "ratio", "wanted", box=None)
    for one in measurements:
        table.add_row(one.bench, *cells(one))
    Console(width=None if os.isatty(1) else 200).print(table)


def cells(one: Measurement) -> list[str]:
    """What a table says of a measurement: case, figure, baseline, ratio, and what is wanted of it."""
    wanted = f">= {one.at_least}" if one.at_least is not None else ""
    wanted = f"<= {one.at_most:.3g}" if one.at_most is not None else wanted
    return [
        one.case,
        f"{one.value:,.4g} {one.unit}".rstrip(),
        f"{one.baseline:,.4g} ({one.baseline_is})",
        f"{one.ratio:.2f}",
        wanted if one.is_met else f"{wanted} MISSED",
    ]
