import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from photond.errors import UsageError
from photond.search.mixing import Part, mixed

VECTORS = npst.arrays(np.float32, 5, elements=st.floats(-1, 1, width=32)).filter(
    lambda vector: np.linalg.norm(vector) > 0.1
)
EMBEDDINGS = VECTORS.map(lambda vector: (vector / np.linalg.norm(vector)).astype(np.float32))
WEIGHTS = st.floats(0.01, 100)


def part(weight: float, *vector: float) -> Part:
    embedding = np.array(vector, np.float32)
    return Part(embedding / np.linalg.norm(embedding), weight)


@given(EMBEDDINGS, WEIGHTS)
def test_one_concept_is_itself_whatever_its_weight(embedding: np.ndarray, weight: float) -> None:
    direction = mixed([Part(embedding, weight)])
    assert direction.wanted == pytest.approx(embedding, abs=1e-6)
    assert direction.unwanted is None


@given(st.lists(st.tuples(EMBEDDINGS, WEIGHTS | WEIGHTS.map(float.__neg__)), min_size=1))
def test_whatever_is_mixed_is_a_direction_or_a_usage_error(parts: list) -> None:
    try:
        direction = mixed([Part(*one) for one in parts])
    except UsageError:
        return
    assert direction.wanted.dtype == np.float32
    assert np.linalg.norm(direction.wanted) == pytest.approx(1, abs=1e-5)
    assert direction.liked is None or np.linalg.norm(direction.liked) == pytest.approx(1, abs=1e-5)


def test_a_heavier_concept_counts_for_more() -> None:
    direction = mixed([part(2, 1, 0), part(1, 0, 1)])
    assert direction.wanted == pytest.approx(np.array([2, 1]) / np.sqrt(5))


def test_what_is_taken_away_is_subtracted_and_kept_to_be_compared_with() -> None:
    direction = mixed([part(1, 1, 0), part(-0.5, 0, 1)])
    assert direction.wanted == pytest.approx(np.array([1, -0.5]) / np.sqrt(1.25))
    assert direction.liked == pytest.approx(np.array([1, 0]))
    assert direction.unwanted == pytest.approx(np.array([[0, 1]]))


def test_a_query_of_only_negatives_is_told_to_say_what_it_wants() -> None:
    with pytest.raises(UsageError, match="only what is not wanted"):
        mixed([part(-1, 1, 0)])


def test_concepts_that_cancel_each_other_are_said_to() -> None:
    with pytest.raises(UsageError, match="cancel each other"):
        mixed([part(1, 1, 2), part(-1, 1, 2)])
    with pytest.raises(UsageError, match="cancel each other"):
        mixed([part(3, 1, 2), part(3, -1, -2)])
