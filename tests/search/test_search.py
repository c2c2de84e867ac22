"""Searching an index: which photos come out, whichever way they are got at."""

from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.search.filters import Filters
from photond.search.ranking import Direction, Rankings
from photond.search.search import Allowed, by_look
from photond.store import contents, embeddings, files, packs
from photond.store.contents import Content
from photond.store.database import Connection, open_index, snapshot, transaction
from photond.store.embeddings import Embedding
from photond.store.files import FileStat
from photond.store.vector_file import vector_file

PHOTOS = 400
DIMENSION = 16
RANDOM = np.random.default_rng(4)
VECTORS = RANDOM.normal(size=(PHOTOS, DIMENSION)).astype(np.float32)
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos `0.jpg` and so on, every tenth of them in `/few`, the others in `/many`."""
    path = tmp_path_factory.mktemp("search") / "index.db"
    with closing(open_index(path, create=True)) as connection, transaction(connection):
        stored = packs.add_pack(connection, "pack", "pack", DIMENSION)
        folders = [files.add_folder(connection, path) for path in ("/few", "/many")]
        for number, vector in enumerate(VECTORS):
            taken_at = f"{2000 + number % 20}-06-01T12:00:00"
            content = Content(f"{number:064x}", 1, "JPEG", 1, 1, taken_at, *([None] * 5))
            content_id = contents.put(connection, content)
            embeddings.add_embedding(connection, stored.id, content_id, vector)
            folder = folders[number % 10 > 0]
            file_id = files.add_file(connection, folder, FileStat(f"{number}.jpg", 1, 1, 1))
            files.set_content(connection, file_id, content_id)
    return path


@pytest.fixture(scope="module")
def connection(database: Path) -> Iterator[Connection]:
    with closing(open_index(database)) as connection, snapshot(connection):
        yield connection


def expected(wanted: Embedding, *, is_few: bool, limit: int, min_score: float) -> list[int]:
    cosines = VECTORS @ wanted
    numbers = [int(n) for n in np.argsort(-cosines) if not is_few or n % 10 == 0]
    return [n for n in numbers if cosines[n] >= min_score][:limit]


@pytest.mark.parametrize("few", [0, 20_000])
@given(
    number=st.integers(0, PHOTOS - 1),
    is_few=st.booleans(),
    limit=st.integers(1, PHOTOS + 10),
    min_score=st.sampled_from([-1.0, 0.2, 0.99]),
)
def test_the_limit_is_filled_whether_photos_are_filtered_before_or_after_they_are_ranked(
    connection: Connection,
    database: Path,
    few: int,
    number: int,
    limit: int,
    min_score: float,
    *,
    is_few: bool,
) -> None:
    filters = Filters(folders=("/few",)) if is_few else Filters(orientation="square")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("photond.search.search._MOST_BEFORE", few)
        patch.setattr("photond.store.copying.WORTH_A_FILE", 10)
        (stored,) = packs.all_packs(connection)
        allowed = Allowed.by(connection, filters, stored.id)
        ranking = Rankings(database).at(connection, stored.id)
        look = by_look(ranking, Direction(VECTORS[number]), allowed, min_score)
        found = [one.content_id - 1 for one in islice(look, limit)]
    assert found == expected(VECTORS[number], is_few=is_few, limit=limit, min_score=min_score)


def test_a_copy_that_went_bad_is_noticed_and_made_again(
    database: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photond.store.copying.WORTH_A_FILE", 10)
    (stored,) = packs.all_packs(connection)
    rankings = Rankings(database)

    def found() -> list[int]:
        ranking = rankings.at(connection, stored.id)
        return [id_ for batch in ranking.best(Direction(VECTORS[7])) for id_, _ in batch]

    before = found()
    file = vector_file(database, stored.id)
    data = bytearray(file.read_bytes())
    # A photo that comes late, when some batches are out.
    data[data.index(VECTORS[before[-1] - 1].tobytes())] ^= 1
    file.write_bytes(data)
    assert found() == before
    assert not file.exists()
    assert found() == before
    assert file.exists()


def test_a_score_is_given_to_those_that_have_an_embedding(
    database: Path, connection: Connection
) -> None:
    (stored,) = packs.all_packs(connection)
    ids = np.array([3, 5, PHOTOS + 1], np.int64)
    batches = Rankings(database).at(connection, stored.id).best(Direction(VECTORS[2]), ids)
    scores = dict(one for batch in batches for one in batch)
    assert scores == pytest.approx({3: 1.0, 5: float(VECTORS[2] @ VECTORS[4])}, abs=1e-6)
