"""Near hashes are found without comparing each with each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.search.banding import MOST_COMPARED, Hashes, distances, near_pairs


def hashes_of(numbers: list[int]) -> Hashes:
    return np.frombuffer(b"".join(n.to_bytes(16) for n in numbers), np.uint64).reshape(-1, 2)


@st.composite
def crowds(draw: st.DrawFn) -> list[int]:
    """Hashes of 128 bits around a few centres, so that many are near and many just not."""
    centres = draw(st.lists(st.integers(0, 2**128 - 1), min_size=1, max_size=3))
    numbers = []
    for _ in range(draw(st.integers(0, MOST_COMPARED))):
        flips = draw(st.sets(st.integers(0, 127), max_size=12))
        numbers.append(draw(st.sampled_from(centres)) ^ sum(1 << bit for bit in flips))
    return numbers


@given(crowds(), st.integers(0, 12))
def test_all_pairs_within_the_limit_are_found_once_and_no_others(
    numbers: list[int], most_bits: int
) -> None:
    expected = [
        [i, j]
        for i in range(len(numbers))
        for j in range(i + 1, len(numbers))
        if (numbers[i] ^ numbers[j]).bit_count() <= most_bits
    ]
    assert near_pairs(hashes_of(numbers), most_bits).tolist() == expected


@given(crowds())
def test_a_distance_is_the_number_of_bits_that_differ(numbers: list[int]) -> None:
    hashes = hashes_of(numbers)
    expected = [(a ^ b).bit_count() for a, b in zip(numbers, reversed(numbers), strict=True)]
    assert distances(hashes, hashes[::-1]).tolist() == expected


@pytest.mark.parametrize("count", [MOST_COMPARED, 3_000])
def test_of_a_crowd_that_looks_the_same_each_is_compared_with_the_first_ones(count: int) -> None:
    pairs = near_pairs(hashes_of([2**100 + 7] * count), 8)
    assert len(pairs) <= count * MOST_COMPARED
    # The first one is paired with all, so that they become one group.
    assert pairs[pairs[:, 0] == 0, 1].tolist() == list(range(1, count))


def test_even_hashes_and_random_ones_in_thousands_are_no_burden() -> None:
    random = np.random.default_rng(1)
    hashes = random.integers(0, 2**64, (50_000, 2), np.uint64)
    hashes[:20_000] = 0
    hashes[-1] = hashes[-2] ^ np.array([1, 2], np.uint64)
    pairs = near_pairs(hashes, 8)
    assert pairs[-1].tolist() == [49_998, 49_999]
    assert (pairs[:-1] < 20_000).all()
