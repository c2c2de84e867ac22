"""Searching: the photos nearest to an embedding, with what there is to say about each."""

from dataclasses import dataclass

from photond.errors import IndexDatabaseError
from photond.models.pack import Pack
from photond.models.score import confidence
from photond.search.filters import Filters
from photond.store import contents, embeddings, files, tags
from photond.store.database import Connection
from photond.store.embeddings import Embedding, StoredPack
from photond.store.tags import Tag


@dataclass(frozen=True, slots=True)
class Hit:
    """One photo that was found.

    Attributes:
        path: Absolute.
        score: Cosine similarity with the query, in [-1, 1].
        probability: sigmoid(logit) where the query was a text, in [0, 1].
        tags: The surest first.
        taken_at: Local wall time, ISO 8601, where the photo states it.
        width: In pixels, as displayed.
        height: In pixels, as displayed.
    """

    path: str
    score: float
    probability: float | None
    tags: tuple[Tag, ...]
    taken_at: str | None
    width: int
    height: int


def indexed_pack(connection: Connection, pack: Pack) -> StoredPack:
    """What the index has of a pack.

    Raises:
        IndexDatabaseError: Nothing is indexed with it.
    """
    stored = embeddings.find_pack(connection, pack.fingerprint)
    if stored is None or not embeddings.count_embeddings(connection, stored.id):
        raise IndexDatabaseError(
            f"nothing is indexed with the model pack {pack.name!r} yet", "Run `photond index`."
        )
    return stored


def search(
    connection: Connection,
    stored: StoredPack,
    query: Embedding,
    filters: Filters,
    *,
    limit: int,
    min_score: float = -1.0,
    pack: Pack | None = None,
) -> list[Hit]:
    """The photos nearest to a query.

    Args:
        connection: The index.
        stored: The pack that made the query's embedding.
        query: float32 of shape (dimension,), unit length.
        filters: Which photos may be returned.
        limit: How many at the most; copies of a photo count one by one.
        min_score: Photos with a lower cosine similarity are left out.
        pack: Where the query was a text: whose scale and bias give the probability.

    Returns:
        Best first.
    """
    condition, values = filters.condition(stored.id)
    near = embeddings.nearest(connection, stored.id, query, limit, condition, values)
    near = [(content_id, score) for content_id, score in near if score >= min_score]
    ids = [content_id for content_id, _ in near]
    facts = contents.facts_of(connection, ids)
    labelled = tags.tags_of(connection, stored.id, ids)
    paths = files.paths_of(connection, ids, filters.folders)
    hits = [
        Hit(
            path=path,
            score=score,
            probability=None if pack is None else float(confidence(score, pack.score)),
            tags=tuple(labelled[content_id]),
            taken_at=facts[content_id].taken_at,
            width=facts[content_id].width,
            height=facts[content_id].height,
        )
        for content_id, score in near
        for path in paths[content_id]
    ]
    return hits[:limit]
