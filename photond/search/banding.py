"""Which of a million hashes are near each other, without comparing each with each.

Two hashes of 128 bits that differ in at most d of them agree in at least two whole blocks when the
bits are dealt out to d + 2 blocks: d bits cannot touch more than d of them. So for each two blocks, only
those hashes are compared that agree in both. (Norouzi, Punjani and Fleet 2012 search by single blocks;
two leave next to nothing to compare in vain among a million.)
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]

_BITS = 128

MOST_COMPARED = 50
"""With how many of the hashes that agree with it in two blocks each is compared at the most."""


def near_pairs(hashes: Hashes, most_bits: int) -> Pairs:
    """The pairs of hashes that differ in at most so many bits.

    All of them are found unless more than `MOST_COMPARED` hashes agree in the same two blocks, as
    the pictures of a fixed camera may. Each of these is compared with the first so many of them, so that
    the time is bounded whatever the pictures.

    Args:
        hashes: Shape (n, 2), those first that the others are to be compared with rather.
        most_bits: At least 0, far below 128.

    Returns:
        Indices i < j, shape (m, 2), each pair once, by i and then by j.
    """
    blocks = _blocks(hashes, most_bits + 2)
    found = [np.empty((0, 2), np.int64)]
    for first, second in combinations(range(len(blocks)), 2):
        pairs = _near_in_agreement(hashes, blocks[first], blocks[second], most_bits)
        # Pairs that agree in more than two blocks are counted where they do so first.
        before = [blocks[index] for index in range(second) if index != first]
        found.append(_without_agreement(pairs, before))
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def distances(left: Hashes, right: Hashes) -> npt.NDArray[np.uint8]:
    """In how many bits hashes differ, row by row, shape (n,)."""
    found: npt.NDArray[np.uint8] = np.bitwise_count(left ^ right).sum(axis=1, dtype=np.uint8)
    return found


def _near_in_agreement(
    hashes: Hashes,
    first: npt.NDArray[np.uint32],
    second: npt.NDArray[np.uint32],
    most_bits: int,
) -> Pairs:
    """The near ones among the hashes that agree in two blocks."""
    keys = first.astype(np.uint64) << np.uint64(32) | second
    # Stable: of the hashes that agree, those that come first stay first.
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    places = np.arange(len(keys))
    is_new = np.ones(len(keys), bool)
    is_new[1:] = keys[1:] != keys[:-1]
    starts = np.maximum.accumulate(np.where(is_new, places, 0))
    found = [np.empty((0, 2), np.int64)]
    for offset in range(MOST_COMPARED):
        is_behind = places > starts + offset
        places, starts = places[is_behind], starts[is_behind]
        if len(places) == 0:
            break
        left, right = order[starts + offset], order[places]
        is_near = distances(hashes[left], hashes[right]) <= most_bits
        found.append(np.column_stack((left[is_near], right[is_near])))
    return np.concatenate(found)


def _without_agreement(pairs: Pairs, blocks: Sequence[npt.NDArray[np.uint32]]) -> Pairs:
    """The pairs that agree in none of some blocks."""
    for block in blocks:
        pairs = pairs[block[pairs[:, 0]] != block[pairs[:, 1]]]
    return pairs


def _blocks(hashes: Hashes, count: int) -> list[npt.NDArray[np.uint32]]:
    """The bits of hashes, dealt out to so many blocks; each block one array of shape (n,).

    Neighbouring bits, which tend to be equal, go to different blocks: so a block differs more from
    picture to picture. Of a block of more than 32 bits, which only limits below 2 make, 32 are kept.
    """
    bits = np.unpackbits(np.ascontiguousarray(hashes).view(np.uint8), axis=1)
    blocks = []
    for block in range(count):
        value = np.zeros(len(hashes), np.uint32)
        for bit in range(block, _BITS, count):
            value = value << np.uint32(1) | bits[:, bit]
        blocks.append(value)
    return blocks
