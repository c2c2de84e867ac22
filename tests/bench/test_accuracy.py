"""The bench, run as people run it, with the real model on the sample photos."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
Bench = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    places = {f"XDG_{name}_HOME": str(tmp_path / "home") for name in ("CONFIG", "DATA")}
    environ = os.environ | places | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bench.accuracy", *arguments],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def report(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_folders_of_photos_give_accuracy_and_judged_tags(bench: Bench, tmp_path: Path) -> None:
    labels = {"cat": "cat", "espresso": "coffee", "hot_air_balloon": "balloon", "gibberish": "moon"}
    for label, sample in labels.items():
        (tmp_path / "photos" / label).mkdir(parents=True)
        (tmp_path / "photos" / label / "1.jpg").symlink_to(SAMPLES / f"{sample}.jpg")
    (tmp_path / "photos" / "cat" / "broken.jpg").write_bytes(b"no photo")
    run = bench(tmp_path / "photos", "--pack", "mini", "--json")
    found = report(run)
    assert "broken.jpg" in run.stderr
    assert (found["photos"], found["unreadable"]) == (4, 1)
    assert found["classification"]["labels"] == 4
    assert found["classification"]["top1"] >= 0.75
    assert found["classification"]["top5"] == 1
    assert found["not_in_vocabulary"] == ["gibberish"]
    (tagging,) = found["tagging"]
    assert tagging["in_use"]
    assert (tagging["with_right"], tagging["wrong"]) == (3, 0)
    assert sum(one["judged"] for one in tagging["by_confidence"]) == tagging["right"]


def test_captions_find_their_photo(bench: Bench, tmp_path: Path) -> None:
    captions = "file,caption\ncoffee.jpg,a cup of coffee\ncat.jpg,a cat\ncat.jpg,a tabby cat\n"
    (tmp_path / "captions.csv").write_text(captions)
    run = bench(SAMPLES, "--captions", tmp_path / "captions.csv", "--json")
    retrieval = report(run)["retrieval"]
    assert retrieval["captions"] == 3
    assert retrieval["recall_at_1"] == 1
    assert retrieval["median_rank"] == 1


def test_objects_give_a_table_that_people_can_read(bench: Bench, tmp_path: Path) -> None:
    document = {
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "clothing"}],
        "images": [{"id": 1, "file_name": "cat.jpg"}, {"id": 2, "file_name": "speaker.jpg"}],
        "annotations": [{"image_id": 1, "category_id": 1}, {"image_id": 2, "category_id": 2}],
    }
    (tmp_path / "objects.json").write_text(json.dumps(document))
    run = bench(SAMPLES, "--objects", tmp_path / "objects.json", "--slice", ":2")
    assert run.returncode == 0, run.stderr
    assert "pack mini, 2 photos" in run.stdout
    assert "photos with a right tag" in run.stdout
    assert "100%" in run.stdout
    assert "All pairs of a photo and a class" in run.stdout


def test_nothing_to_measure_with_is_said(bench: Bench, tmp_path: Path) -> None:
    run = bench(tmp_path)
    assert run.returncode == 1
    assert "no photos" in run.stderr
    assert "Traceback" not in run.stderr
