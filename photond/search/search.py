"""Searching: from what is ranked to what is found."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from photond.search.filters import Filters
from photond.search.fusion import fused
from photond.search.hits import Scored
from photond.search.ranking import Direction, Ranking
from photond.store.database import Connection
from photond.store.names import named, words_of
from photond.store.selection import Condition, newest, of_these, these, up_to

# Up to so many photos, a filter is applied before ranking; beyond, to what was ranked, because then
# most of what comes first passes.
_MOST_BEFORE: Final = 20_000
# Words that stand in the names of more photos than this tell them apart no better than the model does.
_MOST_NAMED: Final = 50_000
# How many of each order are fused; what comes after stands as the model ranked it.
_FUSED: Final = 1_000
_ALL: Final = 2**62


@dataclass(frozen=True, slots=True)
class Allowed:
    """The photos that pass the filters.

    Attributes:
        connection: The index.
        condition: What they pass.
        ids: int64, sorted, each once, where they are few; None where they are many.
    """

    connection: Connection
    condition: Condition
    ids: npt.NDArray[np.int64] | None

    @classmethod
    def by(cls, connection: Connection, filters: Filters, pack_id: int) -> Self:
        """The photos that pass some filters."""
        condition = filters.condition(pack_id)
        ids = up_to(connection, condition, _MOST_BEFORE) if filters.is_selective else None
        return cls(connection, condition, None if ids is None else np.array(ids, np.int64))

    def of(self, content_ids: Collection[int]) -> set[int]:
        """Those of some contents that pass."""
        return of_these(self.connection, self.condition, content_ids)


def by_look(
    ranking: Ranking, direction: Direction, allowed: Allowed, min_score: float
) -> Iterator[Scored]:
    """The photos that match a direction, best first, all of them, as far as one reads on."""
    for batch in ranking.best(direction, allowed.ids):
        those = {content_id for content_id, _ in batch}
        if allowed.ids is None:
            those = allowed.of(those)
        for content_id, score in batch:
            if content_id in those and score >= min_score:
                yield Scored(content_id, score)
        # With something unwanted, a photo with a higher score may come after one with a lower.
        if direction.unwanted is None and batch and batch[-1][1] < min_score:
            return


def with_names(look: Iterator[Scored], by_name: Sequence[Scored]) -> Iterator[Scored]:
    """What was found by its look and what was found by its name, each best first, as one order.

    Args:
        look: All that may be found.
        by_name: Some of it.
    """
    if not by_name:
        yield from look
        return
    head = list(islice(look, _FUSED))
    scored = {one.content_id: one for one in (*by_name, *head)}
    order = fused([one.content_id for one in by_name], [one.content_id for one in head])
    yield from (scored[content_id] for content_id in order)
    told = set(order)
    yield from (one for one in look if one.content_id not in told)


def by_name(
    ranking: Ranking, direction: Direction, allowed: Allowed, min_score: float, text: str
) -> list[Scored]:
    """Photos whose names have all words of a text: those by a file's own name first, best first.

    None of them if there are so many that the words tell them apart no better than the model does.
    """
    words = words_of(text)
    found = (named(allowed.connection, words, _MOST_NAMED) if words else None) or []
    those = allowed.of({one.content_id for one in found})
    by_file = {one.content_id for one in found if one.by_file}
    parts = (those & by_file, those - by_file)
    looks = (
        by_look(
            ranking, direction, replace(allowed, ids=np.array(sorted(ids), np.int64)), min_score
        )
        for ids in parts
        if ids
    )
    return list(islice(chain.from_iterable(looks), _FUSED))


def by_name_alone(
    connection: Connection, filters: Filters, pack_id: int, wanted: str, unwanted: Sequence[str]
) -> Iterator[Scored]:
    """The photos whose names have all words of a text, and not those of some others, newest first.

    A word may be the beginning of one in the names.
    """

    def ids_of(text: str) -> set[int]:
        words = words_of(text, begun=True)
        found = named(connection, words, _ALL) if words else None
        return {one.content_id for one in found or ()}

    ids = ids_of(wanted).difference(*map(ids_of, unwanted))
    those = of_these(connection, filters.condition(pack_id), ids)
    return (Scored(one, None) for one in newest(connection, these(those)))


def by_date(connection: Connection, filters: Filters, pack_id: int) -> Iterator[Scored]:
    """The photos that pass some filters, newest first."""
    return (Scored(one, None) for one in newest(connection, filters.condition(pack_id)))
