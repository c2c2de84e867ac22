"""How well copies are told from other photos, as it is reported."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_copy_that_differs_in_its_format_alone_is_found_and_no_other_photo(
    tmp_path: Path,
) -> None:
    for name in ("balloon.jpg", "coffee.jpg"):
        shutil.copy(ROOT / "samples" / name, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "bench.copies", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    (png,) = (line.split() for line in lines if line.startswith("PNG "))
    (others,) = (line.split() for line in lines if line.startswith("1 pairs of others"))
    assert set(png[1:]) == {"100.0%"}
    assert set(others[4:]) == {"0"}
