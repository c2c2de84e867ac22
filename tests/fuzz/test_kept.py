"""What fuzzing has found worth keeping, read again each time."""

from pathlib import Path

import pytest

from tests.fuzz.seeds import KEPT
from tests.fuzz.targets import TARGETS

_FILES = sorted(KEPT.glob("*/*"))


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_kept_is_a_picture_or_a_reason(target: str) -> None:
    files = sorted((KEPT / target).iterdir())
    assert len(files) > 20
    for file in files:
        TARGETS[target](file.read_bytes())


def test_what_was_kept_is_small() -> None:
    assert sum(file.stat().st_size for file in _FILES) < 200_000
    assert not [file for file in _FILES if Path(file).stat().st_size > 20_000]
