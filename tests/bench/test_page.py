"""The page of figures and its chart, written from results as they are kept."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.chart import HEIGHT, WIDTH, Chart, Line, Point, svg
from bench.measurement import Measurement, document
from bench.page import PAGE, with_figures

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"

amounts = st.floats(1e-3, 1e9)
points = st.lists(st.builds(Point, amounts, amounts, st.booleans()), min_size=1, max_size=5)


def results(file: Path, scale: float = 1.0) -> Path:
    """Results of two sizes of library and one that is computed, and of a benchmark that failed."""
    photos = {"10,000 photos": 1e4, "100,000 photos": 1e5, "10,000,000 photos, computed": 1e7}
    rows = [
        row
        for case, count in photos.items()
        for row in (
            Measurement("scale", f"{case}: what a search reads", count / 1e6, 25, "GB", "memory"),
            Measurement("scale", f"{case}: index", 3_700, 3_072, "B a photo", "float32"),
            Measurement(
                "scale", f"{case}: copy of the embeddings", 3_900, 3_072, "B a photo", "float32"
            ),
            Measurement(
                "scale", f"{case}: search", scale * count / 1e4, count / 2e4, "ms", "|memory|"
            ),
        )
    ]
    rows.append(Measurement("start", "--help", 75.0, 60.0, "ms", "typer", at_most=1.2))
    kept = {"date": "2026-01-31", "failed": ["peers"]} | document(rows)
    file.write_text(json.dumps(kept), "utf-8")
    return file


def write(docs: Path, file: Path) -> str:
    command = [sys.executable, "-m", "bench.page", file, "--docs", docs]
    subprocess.run(command, cwd=ROOT, check=True)
    return (docs / PAGE).read_text("utf-8")


def test_the_page_has_the_figures_of_the_last_run_and_of_no_other(tmp_path: Path) -> None:
    page = (ROOT / "docs" / PAGE).read_text("utf-8")
    (tmp_path / PAGE).write_text(page, "utf-8")
    first = write(tmp_path, results(tmp_path / "first.json", scale=1234.0))
    second = write(tmp_path, results(tmp_path / "second.json", scale=1.0))
    assert "1,234" in first
    assert "1,234" not in second
    assert second == write(tmp_path, tmp_path / "second.json")
    assert page.partition("<!--")[0] == second.partition("<!--")[0]
    assert "| --help | 75 ms | 60 (typer) | 1.25 | \\<= 1.2 MISSED |" in second
    assert "(\\|memory\\|)" in second
    assert "The benchmark `peers` failed." in second
    dots = ET.parse(tmp_path / "performance.svg").iter(f"{SVG}circle")
    assert sorted(dot.get("class", "") for dot in dots) == ["dot"] * 6 + ["dot hollow"] * 3


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        with_figures("# Figures\n", "none")


@given(lines=st.lists(points, min_size=1, max_size=3), title=st.text("a<&>\"'é", max_size=9))
def test_a_chart_is_an_image_with_every_point_inside(lines: list[list[Point]], title: str) -> None:
    chart = Chart(title, "photos", [Line(title, line) for line in lines])
    root = ET.fromstring(svg([chart]))
    dots = list(root.iter(f"{SVG}circle"))
    assert len(dots) == sum(map(len, lines))
    for dot in dots:
        assert 0 < float(dot.get("cx", "")) < WIDTH
        assert 0 < float(dot.get("cy", "")) < HEIGHT
