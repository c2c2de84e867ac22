"""Hostile files, by the hundred: read or refused, in time, in memory, without a crash."""

import threading
from pathlib import Path

import pytest

from photond.errors import PictureError
from photond.pipeline.read import read_photo
from tests.hostile.boundaries import boundaries
from tests.hostile.corpus import KINDS, sample
from tests.hostile.good import photos
from tests.hostile.special import make_special
from tests.hostile.trial import trial

_FILES = 700
# Some 20 megapixels, of formats that take up to 21 bytes a pixel.
_MOST_MEGABYTES = 500


@pytest.mark.slow
def test_each_hostile_file_is_a_picture_or_a_reason_in_bounded_time_and_memory() -> None:
    result = trial(seed=7, first=0, end=_FILES)
    assert result.is_clean, (result.crashed, result.hung, result.wrong, result.slow)
    assert [one.number for one in result.outcomes] == list(range(_FILES))
    assert {one.result for one in result.outcomes} == {"picture", "refused"}
    assert max(one.megabytes for one in result.outcomes) < _MOST_MEGABYTES


def test_a_file_of_the_corpus_is_the_same_each_time() -> None:
    for number in range(2 * len(KINDS)):
        if number != list(KINDS).index("bomb"):  # encoders' caches make the comparison pointless
            assert sample(5, number) == sample(5, number)
    assert sample(5, 30) != sample(6, 30)


@pytest.mark.parametrize("name", photos())
def test_boundaries_lie_within_the_photo_and_are_many(name: str) -> None:
    data = photos()[name]
    places = boundaries(data)
    assert len(places) >= 3
    assert 0 <= places[0] < places[-1] < len(data)


def test_what_is_no_regular_file_is_refused_unopened(tmp_path: Path) -> None:
    regular = {file.name for file in make_special(tmp_path)}
    for path in tmp_path.iterdir():
        if path.name in regular:
            continue
        with pytest.raises((PictureError, FileNotFoundError)):
            read_photo(str(path), 10**9)


def test_a_pipes_writer_is_not_woken(tmp_path: Path) -> None:
    make_special(tmp_path)
    written = threading.Event()

    def write() -> None:
        # Waits until somebody opens the pipe to read.
        with (tmp_path / "pipe.jpg").open("wb", buffering=0):
            written.set()

    writer = threading.Thread(target=write)
    writer.start()
    with pytest.raises(PictureError, match="not a regular file"):
        read_photo(str(tmp_path / "pipe.jpg"), 10**9)
    assert not written.wait(0.2)
    with (tmp_path / "pipe.jpg").open("rb"):
        writer.join()
