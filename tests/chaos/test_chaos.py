"""A short run of `make chaos`, from a seed that is always the same."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_after_chaos_the_index_is_what_a_fresh_one_would_be() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--seed", "4", "--seconds", "10"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " kills\n" in done.stdout
    assert done.stdout.endswith("the index is right\n")
