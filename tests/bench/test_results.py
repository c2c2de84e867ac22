"""The results of all benchmarks, as they are kept, and the comparison of two runs."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.compare import compare, verdict
from bench.measurement import Measurement, document, measurements_in

ROOT = Path(__file__).parents[2]
RATE = Measurement("index", "camera", 9.6, 10.0, "photos/s", "bound", at_least=0.95)
HELP = Measurement("start", "--help", 75.0, 60.0, "ms", "typer", at_most=1.5)
TEXT = Measurement("query", "words", 100.0, 10.0, "ms", "python -c pass")
SPEED = Measurement("quantize", "photos", 20.0, 10.0, "1/s", "as it was")
COSINE = Measurement("quantize", "cosine", 0.99, 1.0, "", "the same", more_is_better=True)
ALL = [RATE, HELP, TEXT, SPEED, COSINE]

ratios = st.floats(0.1, 1e3)


def with_ratio(one: Measurement, ratio: float) -> Measurement:
    """The same figure with another ratio to its baseline."""
    return replace(one, value=ratio * one.baseline)


def write(path: Path, measurements: list[Measurement], **kept: object) -> Path:
    path.write_text(json.dumps(document(measurements) | kept), "utf-8")
    return path


def run(module: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_document_gives_back_the_measurements_that_it_was_made_of() -> None:
    assert measurements_in(json.loads(json.dumps(document(ALL)))) == ALL


@pytest.mark.parametrize(
    ("one", "more"), [(RATE, True), (HELP, False), (TEXT, False), (SPEED, True), (COSINE, True)]
)
def test_the_demand_or_else_the_unit_says_which_ratio_is_better(
    one: Measurement, more: bool
) -> None:
    assert one.wants_more is more


@given(one=st.sampled_from([TEXT, SPEED]), old=ratios, new=ratios)
def test_no_two_ratios_are_worse_than_each_other(one: Measurement, old: float, new: float) -> None:
    there = verdict(with_ratio(one, old), with_ratio(one, new), 0.15)
    back = verdict(with_ratio(one, new), with_ratio(one, old), 0.15)
    assert not (there == back == "WORSE")


@given(one=st.sampled_from([TEXT, SPEED]), old=ratios)
def test_a_ratio_is_worse_from_the_tolerance_on(one: Measurement, old: float) -> None:
    worse = -1 if one.wants_more else 1
    beyond, within = (with_ratio(one, old * (1 + worse * part)) for part in (0.2, 0.1))
    assert verdict(with_ratio(one, old), beyond, 0.15) == "WORSE"
    assert verdict(with_ratio(one, old), within, 0.15) == "as before"
    assert verdict(with_ratio(one, old), beyond, 0.25) == "as before"


def test_memory_that_shrinks_a_little_is_no_worse_when_it_grows_a_little() -> None:
    slope = Measurement("memory", "slope", -10.0, 200.0, "B a photo", "flat", at_most=1.0)
    assert verdict(slope, with_ratio(slope, 0.05), 0.15) == "as before"
    assert verdict(slope, with_ratio(slope, 0.5), 0.15) == "WORSE"


def test_what_is_missed_is_worse_than_no_change_and_new_and_gone_are_told_apart() -> None:
    missed = with_ratio(RATE, 0.94)
    verdicts = {
        (one.new or one.old): one.verdict for one in compare([RATE, HELP], [missed, TEXT], 0.15)
    }
    assert verdicts == {missed: "MISSED", TEXT: "new", HELP: "gone"}


def test_what_was_missed_before_is_no_news_unless_it_got_worse() -> None:
    before = with_ratio(RATE, 0.8)
    assert verdict(before, with_ratio(RATE, 0.78), 0.15) == "missed"
    assert verdict(before, with_ratio(RATE, 0.94), 0.15) == "better"
    assert verdict(before, with_ratio(RATE, 0.6), 0.15) == "WORSE"
    assert verdict(None, before, 0.15) == "MISSED"


def test_the_comparison_of_two_files_fails_where_a_ratio_got_worse(tmp_path: Path) -> None:
    old = write(tmp_path / "old.json", ALL)
    slower = [with_ratio(one, 13.0) if one is TEXT else one for one in ALL]
    new = write(tmp_path / "new.json", slower)
    same, worse = run("bench.compare", old, old), run("bench.compare", old, new)
    assert (same.returncode, same.stdout) == (0, "5 of 5 as before\n")
    assert worse.returncode == 1
    assert "WORSE     query, words: 10.00 -> 13.00 of python -c pass" in worse.stdout
    assert run("bench.compare", old, new, "--tolerance", "0.5").returncode == 0


def test_the_comparison_fails_where_a_benchmark_failed_that_did_not_before(tmp_path: Path) -> None:
    old = write(tmp_path / "old.json", ALL, failed=["peers"])
    new = write(tmp_path / "new.json", [RATE], failed=["peers", "query"])
    done = run("bench.compare", old, new)
    assert done.returncode == 1
    assert "FAILED    query, which did not before\n" in done.stdout
    assert "FAILED    peers" not in done.stdout
    assert run("bench.compare", new, new).returncode == 0


def test_the_comparison_names_what_was_not_measured_again_and_takes_it_for_no_failure(
    tmp_path: Path,
) -> None:
    old = write(tmp_path / "old.json", ALL)
    done = run("bench.compare", old, write(tmp_path / "new.json", [RATE]))
    gone = [line for line in done.stdout.splitlines() if line.startswith("gone")]
    assert [line.split(",")[0].split()[1] for line in gone] == [one.bench for one in ALL[1:]]
    assert done.returncode == 0


def test_a_benchmark_that_fails_is_named_and_does_not_stop_the_next(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    done = run("bench", "--only", "nothing", "duplicates", "--save", file)
    kept = json.loads(file.read_text("utf-8"))
    assert done.returncode == 1
    assert "nothing failed" in done.stdout
    assert kept["failed"] == ["nothing"]
    assert {one.bench for one in measurements_in(kept)} == {"duplicates"}
    assert kept["machine"]["cores"] > 0
