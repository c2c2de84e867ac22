"""What indexing is measured with: photos that differ, and a line through memory."""

from pathlib import Path

import pytest

from bench.memory import slope
from bench.photos import KINDS, paths_in, photos
from photond.imaging.decode import decode
from photond.imaging.picture import Limits
from photond.pipeline.read import read_photo


@pytest.mark.parametrize("kind", ["small", "tiny"])
def test_the_photos_of_a_set_differ_in_bytes_and_repeat_in_pixels(
    kind: str, tmp_path: Path
) -> None:
    period = KINDS[kind].period
    paths = paths_in(photos(kind, period + 2, tmp_path))
    read = [read_photo(str(path), 10_000_000) for path in paths]
    assert len({one.sha256 for one in read}) == period + 2
    first, again = (
        decode(read[number].data, name=paths[number].name, min_side=64, limits=Limits()).image
        for number in (0, period)
    )
    assert first.tobytes() == again.tobytes()


def test_a_set_is_made_once(tmp_path: Path) -> None:
    made = [paths_in(photos("tiny", 3, tmp_path))[0].stat().st_mtime_ns for _ in range(2)]
    assert made[0] == made[1]


def test_the_slope_is_that_of_the_samples_between_warm_up_and_end() -> None:
    warming = [(count, 10_000_000 + 5_000 * count) for count in range(0, 300, 50)]
    going = [(count, 12_000_000 + 150 * count) for count in range(300, 900, 50)]
    ended = [(900, 1_000_000)] * 3
    assert slope([*warming, *going, *ended]) == pytest.approx(150)
