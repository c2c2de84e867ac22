"""Making one order out of several: reciprocal rank fusion."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

# From the paper; it keeps one list's first from outweighing what several lists agree on.
_DAMPING: Final = 60


def fused(*orders: Sequence[int]) -> list[int]:
    """One order out of several, by the sum of 1 / (60 + rank) over those that have an item.

    Of items that fare alike, that of the earlier order comes first.

    Source: Cormack, Clarke and Büttcher 2009, "Reciprocal rank fusion outperforms Condorcet and
    individual rank learning methods".

    Args:
        orders: Items, best first, each item at most once in an order.

    Returns:
        Every item of any order once, best first.
    """
    worth: defaultdict[int, float] = defaultdict(float)
    for order in orders:
        for rank, item in enumerate(order, 1):
            worth[item] += 1 / (_DAMPING + rank)
    return sorted(worth, key=lambda item: -worth[item])
