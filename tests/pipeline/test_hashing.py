"""Hashing photos that were indexed before hashes were kept."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from photond.config.settings import IndexSettings, Settings
from photond.pipeline.hashing import Unknown, hash_missing
from photond.store.database import Connection, open_index, transaction
from tests.conftest import SAMPLES, Command

NAMES = [path.stem for path in sorted(SAMPLES.glob("*.jpg"))]


@pytest.fixture
def index(photond: Command, photos: Path, sample) -> Iterator[Connection]:
    """An index of all samples, as a version without hashes left it."""
    for name in NAMES:
        sample(name, photos / f"{name}.jpg")
    photond("index", photos)
    with closing(open_index(photond.database)) as connection:
        with transaction(connection):
            connection.execute("update contents set perceptual_hash = null")
        yield connection


def hashed(index: Connection) -> int:
    return index.execute("select count(perceptual_hash) from contents").fetchone()[0]


def test_an_interruption_keeps_what_was_done_and_the_next_time_goes_on(index: Connection) -> None:
    settings = Settings(index=IndexSettings(workers=1))
    told: list[tuple[int, int]] = []
    unknown = hash_missing(
        index, settings, lambda *progress: told.append(progress), lambda: bool(told)
    )
    ((done, total),) = told
    assert 0 < done < total == len(NAMES)
    assert unknown == Unknown(offline=0, unreadable=0, waiting=total - done)
    assert hashed(index) == done
    told.clear()
    unknown = hash_missing(index, settings, lambda *progress: told.append(progress), lambda: False)
    assert unknown == Unknown(offline=0, unreadable=0, waiting=0)
    assert told[-1] == (total - done, total - done)
    assert hashed(index) == total


def test_only_the_very_bytes_that_were_indexed_are_hashed(index: Connection, photos: Path) -> None:
    (photos / "cat.jpg").write_bytes((SAMPLES / "moon.jpg").read_bytes())
    (photos / "earth.jpg").write_bytes(b"broken")
    (photos / "coins.jpg").unlink()
    unknown = hash_missing(index, Settings(), lambda _done, _total: None, lambda: False)
    assert unknown == Unknown(offline=0, unreadable=3, waiting=0)
    assert hashed(index) == len(NAMES) - 3
