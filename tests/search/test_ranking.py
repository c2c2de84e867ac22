"""The order of a ranking, against all keys computed at once."""

from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from photond.search.ranking import Batch, Direction, Ranking
from photond.store.copied import CopiedVectors, DamagedVectorsError, Tail
from photond.store.embeddings import Embedding
from photond.store.vector_file import Rows, VectorFile, VectorWriter
from photond.store.vector_layout import NEVER, Header
from photond.store.vectors import Ids, Vectors

DIMENSION = 8
STATE = 7


def unit(vectors: Embedding) -> Embedding:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    vectors = np.where(lengths > 1e-3, vectors, np.eye(DIMENSION, dtype=np.float32)[0])
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def a_file(path: Path, ids: Ids, vectors: Embedding) -> CopiedVectors:
    with path.open("w+b", buffering=0) as file:
        writer = VectorWriter(file.fileno(), Header(vectors.shape[1], 0, 0, STATE, STATE))
        since, until = np.full(len(ids), STATE), np.full(len(ids), NEVER)
        writer.add(Rows(ids, since, until, vectors))
        writer.commit(STATE)
    nothing = np.empty(0, np.int64)
    tail = Tail(nothing, np.empty((0, vectors.shape[1]), np.float32), nothing)
    return CopiedVectors(VectorFile(path), STATE, tail, len(ids))


def ranking(vectors: Vectors) -> Ranking:
    def never() -> Vectors:
        raise AssertionError("the vectors are whole")

    return Ranking(vectors, never)


def keys(direction: Direction, vectors: Embedding) -> np.ndarray:
    """As the definition says, one photo and one unwanted thing at a time."""
    found = []
    for x in vectors.astype(np.float64):
        key = direction.wanted @ x
        if direction.unwanted is not None and direction.liked is not None:
            for unwanted in direction.unwanted.astype(np.float64):
                key -= max(0.0, unwanted @ x - direction.liked.astype(np.float64) @ x)
        found.append(key)
    return np.array(found)


# Few different numbers, so that there are duplicates and ties.
numbers = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]) | st.floats(-1, 1, width=32)
some_vectors = st.integers(1, 40).flatmap(
    lambda count: arrays(np.float32, (count, DIMENSION), elements=numbers)
)
one_vector = arrays(np.float32, DIMENSION, elements=numbers).map(unit)


@st.composite
def directions(draw: st.DrawFn) -> Direction:
    wanted = draw(one_vector)
    if draw(st.booleans()):
        return Direction(wanted)
    unwanted = draw(arrays(np.float32, (draw(st.integers(1, 3)), DIMENSION), elements=numbers))
    return Direction(wanted, draw(one_vector), unit(unwanted))


@given(some_vectors, directions(), st.data())
def test_the_order_is_that_of_the_exact_keys(
    tmp_path_factory: pytest.TempPathFactory,
    vectors: Embedding,
    direction: Direction,
    data: st.DataObject,
) -> None:
    vectors = unit(vectors)
    ids = np.array(data.draw(st.permutations(range(1, len(vectors) + 1))), np.int64)
    among = data.draw(st.none() | st.sets(st.integers(1, len(vectors) + 3)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("photond.search.ranking._FIRST_BATCH", data.draw(st.integers(1, 5)))
        patch.setattr("photond.search.ranking._FEW", data.draw(st.sampled_from([0.0, 0.5])))
        file = a_file(tmp_path_factory.getbasetemp() / "vectors", ids, vectors)
        batches = list(
            ranking(file).best(
                direction, None if among is None else np.array(sorted(among), np.int64)
            )
        )
    found = [one for batch in batches for one in batch]
    exact = dict(zip(ids.tolist(), keys(direction, vectors).tolist(), strict=True))
    cosine = dict(zip(ids.tolist(), (vectors @ direction.wanted).tolist(), strict=True))
    wanted = set(exact) if among is None else set(exact) & among
    assert sorted(id_ for id_, _ in found) == sorted(wanted)
    for id_, score in found:
        assert score == pytest.approx(np.clip(cosine[id_], -1, 1), abs=1e-6)
    for (one, _), (other, _) in pairwise(found):
        assert exact[one] >= exact[other] - 1e-6
        x, y = (vectors[ids.tolist().index(id_)] for id_ in (one, other))
        assert one < other or not np.array_equal(x, y)


def clustered(random: np.random.Generator, count: int, dimension: int) -> Embedding:
    """As photos lie: in a narrow cone, in clusters, and more spread out in some directions."""
    spread = np.arange(1, dimension + 1) ** -0.5
    centres = random.normal(size=(20, dimension)) * spread
    noise = random.normal(size=(count, dimension)) * spread
    mean = random.normal(size=dimension) * 0.3
    vectors = mean + centres[random.integers(0, 20, count)] + 0.4 * noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("off_manifold", [False, True])
def test_of_many_photos_few_are_looked_at_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, off_manifold: bool
) -> None:
    random = np.random.default_rng(3)
    count, dimension = 20_000, 96
    vectors = clustered(random, count, dimension)
    ids = random.permutation(count).astype(np.int64)
    wanted = random.normal(size=dimension) if off_manifold else vectors[17] + 0.1 * vectors[18]
    wanted = (wanted / np.linalg.norm(wanted)).astype(np.float32)
    looked_at: list[int] = []
    exactly = CopiedVectors.exactly

    def counted(self: CopiedVectors, rows: np.ndarray, directions: Embedding) -> np.ndarray:
        looked_at.append(len(rows))
        return exactly(self, rows, directions)

    monkeypatch.setattr(CopiedVectors, "exactly", counted)
    first = next(ranking(a_file(tmp_path / "vectors", ids, vectors)).best(Direction(wanted)))
    cosines = vectors.astype(np.float64) @ wanted
    best = np.argsort(-cosines)[: len(first)]
    assert [id_ for id_, _ in first] == ids[best].tolist()
    assert [score for _, score in first] == pytest.approx(cosines[best], abs=1e-6)
    assert sum(looked_at) < count / 5


def test_batches_are_made_as_they_are_asked_for(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    vectors = unit(random.normal(size=(3000, DIMENSION)).astype(np.float32))
    file = a_file(tmp_path / "vectors", np.arange(1, 3001), vectors)
    sizes = [len(batch) for batch in ranking(file).best(Direction(vectors[0]))]
    assert sum(sizes) == 3000
    assert sizes[0] >= 128
    assert sizes[1] >= 2 * sizes[0]


def test_a_copy_that_turns_out_damaged_half_way_is_given_up_for_the_index(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    vectors = unit(random.normal(size=(1000, DIMENSION)).astype(np.float32))
    ids = np.arange(1, 1001)
    whole = a_file(tmp_path / "whole", ids, vectors)
    damaged = a_file(tmp_path / "damaged", ids, vectors)
    expected: list[Batch] = list(ranking(whole).best(Direction(vectors[0])))
    last = expected[-1][-1][0]

    class Damaged:
        """Does not have the last photo any more."""

        ids = damaged.ids
        spoilt = damaged.spoilt
        rows_of = damaged.rows_of

        def times(self, directions: Embedding) -> "Damaged":
            self.products = damaged.times(directions)
            self.about, self.off = self.products.about, self.products.off
            return self

        def exact(self, rows: np.ndarray) -> np.ndarray:
            if last in self.ids[rows]:
                raise DamagedVectorsError
            return self.products.exact(rows)

    found = list(Ranking(Damaged(), lambda: whole).best(Direction(vectors[0])))
    assert list(chain(*found)) == list(chain(*expected))
