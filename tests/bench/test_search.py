"""The bench of ranking, run as people run it, on a library that is small for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_what_is_found_is_what_multiplying_everything_finds(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "bench" / "search.py", "--photos", "3000"]
    done = subprocess.run(
        [*command, "--folder", tmp_path],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    (result,) = json.loads(done.stdout)
    assert (result["photos"], result["recall_at_20"]) == (3000, 1.0)
    assert list(tmp_path.iterdir()) == []
