"""How far two models agree: the statistics."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from photond.pipeline.comparison import FEW, agreement, likeness

Cosines = npt.NDArray[np.float32]
# Of a thousandth, so that no two differ by less than rounding.
cosines = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9),
    elements=st.integers(-1000, 1000).map(lambda whole: np.float32(whole / 1000)),
)


def unit(seed: int, count: int) -> Cosines:
    rows = np.random.default_rng(seed).standard_normal((count, 7), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@given(cosines)
def test_a_model_agrees_with_itself(both: Cosines) -> None:
    found = agreement(both, both)
    assert found.first == 1
    assert found.few == (None if both.shape[1] <= FEW else 1)
    assert found.correlation is None or found.correlation == pytest.approx(1)


@given(cosines, st.floats(0.25, 4), st.floats(-1, 1))
def test_only_the_order_counts(old: Cosines, factor: float, shift: float) -> None:
    new = (old.astype(np.float64) * factor + shift).astype(np.float32)
    assert agreement(old, new).first == 1
    correlation = agreement(old, new).correlation
    assert correlation is None or correlation == pytest.approx(1)


@given(cosines, st.randoms(use_true_random=False))
def test_shares_are_shares_and_neither_model_comes_first(old: Cosines, random) -> None:
    flat = old.flatten().tolist()
    random.shuffle(flat)
    new = np.array(flat, np.float32).reshape(old.shape)
    there, back = agreement(old, new), agreement(new, old)
    assert 0 <= there.first <= 1
    assert there.first == back.first
    assert there.few == back.few
    assert there.few is None or 0 <= there.few <= 1
    assert there.correlation is None or -1.000001 <= there.correlation <= 1.000001
    assert (there.correlation is None) == (back.correlation is None)
    assert there.correlation is None or there.correlation == pytest.approx(back.correlation)


def test_the_opposite_order_agrees_in_nothing() -> None:
    old = np.linspace(-1, 1, 20, dtype=np.float32)[None]
    found = agreement(old, -old)
    assert (found.first, found.few, found.correlation) == (0, 0, pytest.approx(-1))


def test_the_first_five_of_six_may_be_four() -> None:
    old = np.array([[6, 5, 4, 3, 2, 1]], np.float32) / 10
    new = np.array([[6, 5, 4, 3, 1, 2]], np.float32) / 10
    found = agreement(old, new)
    assert (found.first, found.few) == (1, 0.8)
    # By the formula for ranks without ties; the last two are one place off each.
    assert found.correlation == pytest.approx(1 - 6 * 2 / (6 * 35))


def test_photos_that_are_all_alike_have_no_order() -> None:
    assert (
        agreement(np.ones((3, 4), np.float32), np.eye(3, 4, dtype=np.float32)).correlation is None
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 20))
def test_an_embedding_is_like_itself_and_the_one_that_is_not_is_named(
    seed: int, count: int
) -> None:
    old = unit(seed, count)
    same = likeness(old, old)
    assert (same.mean, same.least, same.count) == (pytest.approx(1), pytest.approx(1), count)
    new = old.copy()
    new[count // 2] *= -1
    found = likeness(old, new)
    assert (found.worst, found.least) == (count // 2, pytest.approx(-1))
    assert found.mean == pytest.approx((count - 2) / count, abs=1e-6)
