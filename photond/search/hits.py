"""What there is to say about the photos that were found."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from photond.search.filters import Filters
from photond.store import contents, files, tags
from photond.store.database import Connection
from photond.store.tags import Tag

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Scored:
    """A content that was found.

    Attributes:
        content_id: The content.
        score: Cosine similarity with the query, in [-1, 1]; None where nothing was compared.
    """

    content_id: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Hit:
    """One photo that was found.

    Attributes:
        path: Absolute.
        score: Cosine similarity with the query, in [-1, 1]; None where nothing was compared.
        probability: sigmoid(logit) where the query was one plain text, in [0, 1].
        tags: The surest first.
        taken_at: Local wall time, ISO 8601, where the photo states it.
        width: In pixels, as displayed.
        height: In pixels, as displayed.
        copies: How many files with these bytes the hit stands for, itself included.
        offline: Whether it is on a disk that is not there.
    """

    path: str
    score: float | None
    probability: float | None
    tags: tuple[Tag, ...]
    taken_at: str | None
    width: int
    height: int
    copies: int
    offline: bool


def hits(
    connection: Connection,
    pack_id: int,
    found: Iterable[Scored],
    filters: Filters,
    probability: Callable[[float], float] | None,
    *,
    each_copy: bool,
) -> Iterator[Hit]:
    """The photos that were found, in the order in which they were.

    Args:
        connection: The index.
        pack_id: The pack whose tags are told.
        found: What was found.
        filters: What passed them; files that lie elsewhere are not told of.
        probability: Of a score; None if it has none.
        each_copy: Whether identical files are a hit each, instead of one that stands for them.
    """
    for some in _in_pieces(found):
        ids = [one.content_id for one in some]
        facts = contents.facts_of(connection, ids)
        labelled = tags.tags_of(connection, pack_id, ids)
        places = files.places_of(connection, ids, offline=filters.offline)
        for one in some:
            here = [place for place in places[one.content_id] if filters.takes_path(place.path)]
            for place in here if each_copy else here[:1]:
                yield Hit(
                    path=place.path,
                    score=one.score,
                    probability=_of(probability, one.score),
                    tags=tuple(labelled[one.content_id]),
                    taken_at=facts[one.content_id].taken_at,
                    width=facts[one.content_id].width,
                    height=facts[one.content_id].height,
                    copies=1 if each_copy else len(here),
                    offline=place.offline,
                )


def _of(probability: Callable[[float], float] | None, score: float | None) -> float | None:
    return None if probability is None or score is None else probability(score)


def _in_pieces(found: Iterable[Scored]) -> Iterator[list[Scored]]:
    """What was found, in pieces that one statement asks about."""
    piece: list[Scored] = []
    for one in found:
        piece.append(one)
        if len(piece) == _AT_ONCE:
            yield piece
            piece = []
    if piece:
        yield piece
