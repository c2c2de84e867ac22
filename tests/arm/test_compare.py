"""When two machines are said to agree."""

from dataclasses import replace

import numpy as np

from tools.arm.compare import Index, compare


def unit(*numbers: float) -> np.ndarray:
    vector = np.array(numbers, np.float32)
    return vector / np.linalg.norm(vector)


HERE = Index(
    {"a": unit(1, 0, 0), "b": unit(0, 1, 0)},
    [[("a.jpg", 0.5), ("b.jpg", 0.25)]],
)


def test_an_index_agrees_with_itself() -> None:
    assert compare(HERE, HERE)[0]


def test_a_photo_that_is_missing_is_no_agreement() -> None:
    there = replace(HERE, embeddings={"a": HERE.embeddings["a"]})
    assert compare(there, HERE) == (False, "1 photos, not 2")


def test_two_empty_indices_are_no_agreement() -> None:
    empty = Index({}, [])
    assert not compare(empty, empty)[0]


def test_another_ranking_is_no_agreement() -> None:
    there = replace(HERE, rankings=[HERE.rankings[0][::-1]])
    assert not compare(there, HERE)[0]


def test_an_embedding_that_is_off_by_three_degrees_is_no_agreement() -> None:
    there = replace(HERE, embeddings={**HERE.embeddings, "b": unit(0, 1, 0.05)})
    is_right, text = compare(there, HERE)
    assert (is_right, "1 - 1e-03" in text) == (False, True)
