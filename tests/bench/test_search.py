"""The bench of ranking, run as people run it, on a library that is small for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_what_is_found_is_what_multiplying_everything_finds(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.search", "--photos", "3000", "--json"]
    done = subprocess.run(
        [*command, "--folder", tmp_path],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = json.loads(done.stdout)["measurements"]
    (recall,) = (row["value"] for row in rows if row["case"] == "3,000 photos: recall at 20")
    assert recall == 1.0
    assert list(tmp_path.iterdir()) == []
