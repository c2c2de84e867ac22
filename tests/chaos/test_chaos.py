"""A short run of `make chaos`, from a seed that is always the same."""

from pathlib import Path

import pytest

from tests.chaos.chaos import run


@pytest.mark.slow
def test_after_chaos_the_index_is_what_a_fresh_one_would_be(tmp_path: Path) -> None:
    verdict = run(tmp_path, seed=4, seconds=25)
    assert verdict.differences == []
    assert verdict.kills > 0
    assert verdict.photos > 0
