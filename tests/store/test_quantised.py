"""Vectors in 8 bits: what they are off by is known."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from photond.store.embeddings import Embedding
from photond.store.quantised import most_off, multiply, quantise_directions, quantise_rows


def vectors(dimension: int) -> st.SearchStrategy[Embedding]:
    numbers = st.floats(-1, 1, width=32) | st.sampled_from([0.0, 1e-30, 0.5, -1.0])
    return st.integers(1, 9).flatmap(
        lambda count: arrays(np.float32, (count, dimension), elements=numbers)
    )


def unit(rows: Embedding) -> Embedding:
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    with_length = np.where(lengths > 1e-6, rows, np.eye(rows.shape[1])[0])
    return (with_length / np.where(lengths > 1e-6, lengths, 1)).astype(np.float32)


@given(st.integers(1, 70).flatmap(lambda d: st.tuples(vectors(d), vectors(d))))
def test_no_product_is_off_by_more_than_is_said(both: tuple[Embedding, Embedding]) -> None:
    rows, directions = unit(both[0]), both[1]
    quantised, by = quantise_rows(rows), quantise_directions(directions)
    about = multiply(quantised.codes, quantised.scales, by)
    exact = rows.astype(np.float64) @ directions.astype(np.float64).T
    lengths = np.linalg.norm(directions.astype(np.float64), axis=1)
    allowed = most_off(quantised.lost, by)[:, np.newaxis] * np.maximum(lengths, 1)
    assert (np.abs(about - exact) <= allowed).all()


def test_the_extremes_of_8_bits_are_multiplied_without_overflow() -> None:
    rows = np.full((3, 4096), 1 / 64, np.float32)
    rows[1] *= -1
    quantised, by = quantise_rows(rows), quantise_directions(rows[:1])
    assert np.abs(quantised.codes).min() == 127
    about = multiply(quantised.codes, quantised.scales, by)[:, 0]
    assert np.allclose(about, [1, -1, 1], atol=1e-5)


def test_directions_lose_little() -> None:
    random = np.random.default_rng(2)
    directions = random.normal(size=(5, 768)).astype(np.float32)
    assert quantise_directions(directions).lost < 1e-4
    assert (quantise_rows(unit(directions)).lost < 0.015).all()
