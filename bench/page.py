"""Writes a run's results into docs/performance.md and its chart, so that nobody types a figure.

    python -m bench.page bench/results/DATE.json

What stands between the page's markers is replaced: the machine with its versions, and a table for each
benchmark. The chart is drawn if the benchmark `scale` was run.
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from bench.chart import Chart, Line, Point, svg
from bench.measurement import Measurement, cells, measurements_in
from bench.scale import COPY, INDEX, READ, SEARCH

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, CHART = "performance.md", "performance.svg"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
# What matters of a system; the rest of its name is whose build it is.
_SYSTEM = re.compile(r"\w+-\d+\.\d+")
_CASE = re.compile(r"(?P<photos>[\d,]+) photos(?P<computed>, computed)?: (?P<what>.*)")


def main() -> None:
    """Write the page and the chart."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the page is")
    options = parser.parse_args()
    kept = json.loads(options.results.read_text("utf-8"))
    page = options.docs / PAGE
    page.write_text(with_figures(page.read_text("utf-8"), figures(kept)), "utf-8")
    charts = charts_of(measurements_in(kept))
    if charts:
        (options.docs / CHART).write_text(svg(charts), "utf-8")


def with_figures(page: str, text: str) -> str:
    """A page with another text between its markers.

    Raises:
        ValueError: A marker is missing.
    """
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the page lacks {BEGIN} or {END}")
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"


def figures(kept: Mapping[str, Any]) -> str:
    """The machine and a table for each benchmark, in Markdown."""
    measurements = measurements_in(kept)
    parts = [_measured_on(kept)]
    for bench, rows in groupby(measurements, attrgetter("bench")):
        parts += [f"### {bench}\n", _table(list(rows))]
    return "\n".join(parts)


def _measured_on(kept: Mapping[str, Any]) -> str:
    on = dict(kept["machine"])
    system = _SYSTEM.match(on["system"])
    on["system"] = system[0] if system else "another system"
    first = f"{on.pop('processor')}, {on.pop('architecture')}, {on.pop('system')}"
    size = f"{on.pop('cores')} cores, {on.pop('memory_gb')} GB, pages of {on.pop('page_bytes')} B"
    versions = ", ".join(f"{name} {version}" for name, version in on.items())
    words = f"Measured on {kept['date']}: {first}, {size}; {versions}.\n"
    failed = "".join(f"The benchmark `{name}` failed.\n" for name in kept["failed"])
    return f"{words}\n{failed}" if failed else words


def _table(rows: Sequence[Measurement]) -> str:
    lines = ["| case | figure | baseline | ratio | wanted |", "|---|---|---|---|---|"]
    for one in rows:
        row = [cell.replace("|", "\\|") for cell in cells(one)]
        row[-1] = row[-1].replace("<", "\\<").replace(">", "\\>")
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def charts_of(measurements: Sequence[Measurement]) -> list[Chart]:
    """Time and bytes by the number of photos; nothing where they were not measured."""
    searches = list(_points(measurements, "scale", SEARCH))
    asked = list(_points(measurements, "query", "words, daemon"))
    disk = [
        Point(index.x, index.x * (index.y + copy.y) / 1e9, index.computed)
        for index, copy in zip(
            _points(measurements, "scale", INDEX),
            _points(measurements, "scale", COPY),
            strict=True,
        )
    ]
    read = list(_points(measurements, "scale", READ))
    if not searches:
        return []
    times = [Line("ranking, 768 numbers", searches), Line("key to answer, mini", asked)]
    return [
        Chart("a search, in ms", "photos", [line for line in times if line.points]),
        Chart(
            "bytes, in GB",
            "photos",
            [Line("index and copy, on the disk", disk), Line("what a search reads", read)],
        ),
    ]


def _points(measurements: Sequence[Measurement], bench: str, what: str) -> Iterator[Point]:
    """A figure by the number of photos, which the case begins with."""
    for one in measurements:
        case = _CASE.fullmatch(one.case)
        if one.bench == bench and case is not None and case["what"] == what:
            photos = int(case["photos"].replace(",", ""))
            yield Point(photos, one.value, case["computed"] is not None)


if __name__ == "__main__":
    main()
