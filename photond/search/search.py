"""Searching: the photos nearest to an embedding, with what there is to say about each."""

from dataclasses import dataclass
from pathlib import Path

from photond.errors import IndexDatabaseError
from photond.models.pack import Pack
from photond.models.score import confidence
from photond.models.shelf import find_by_fingerprint
from photond.search.filters import Filters
from photond.store import contents, embeddings, files, packs, tags
from photond.store.database import Connection
from photond.store.embeddings import Embedding
from photond.store.packs import StoredPack
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


@dataclass(frozen=True, slots=True)
class Answering:
    """The model pack that answers, and what the index has of it."""

    pack: Pack
    stored: StoredPack


def answering_pack(connection: Connection, configured: Pack, models_dir: Path) -> Answering:
    """The pack that answers: the one that serves, until the configured one has every photo.

    Args:
        connection: The index.
        configured: The pack that the user chose.
        models_dir: Where the user's packs lie.

    Raises:
        IndexDatabaseError: Nothing is indexed yet, or nothing with a pack that is still there.
    """
    serving = packs.serving_pack(connection)
    chosen = packs.find_pack(connection, configured.fingerprint)
    if serving is not None and embeddings.count_embeddings(connection, serving.id):
        if serving.fingerprint == configured.fingerprint:
            return Answering(configured, serving)
        pack = find_by_fingerprint(serving.fingerprint, serving.name, models_dir)
        if pack is not None:
            return Answering(pack, serving)
    # The pack that served was deleted: what there is of the chosen one is better than nothing.
    if chosen is not None and embeddings.count_embeddings(connection, chosen.id):
        return Answering(configured, chosen)
    raise IndexDatabaseError(
        f"nothing is indexed with the model pack {configured.name!r} yet", "Run `photond index`."
    )


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
