"""Searching: the photos nearest to an embedding, with what there is to say about each."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from photond.errors import IndexDatabaseError
from photond.models.pack import Pack
from photond.models.score import confidence
from photond.models.shelf import find_by_fingerprint
from photond.search.filters import Filters
from photond.search.ranking import Direction, Ranking
from photond.store import contents, embeddings, files, packs, tags
from photond.store.database import Connection
from photond.store.packs import StoredPack
from photond.store.tags import Tag

# If no more contents than this pass the filters, they are found first and then ranked.
_FEW = 20_000


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
    ranking: Ranking,
    direction: Direction,
    filters: Filters,
    *,
    limit: int,
    min_score: float = -1.0,
    pack: Pack | None = None,
) -> list[Hit]:
    """The photos that suit a question best.

    Args:
        connection: The index.
        stored: The pack that made the direction.
        ranking: Of the contents that the index has with that pack.
        direction: What the photos are ranked by.
        filters: Which photos may be returned.
        limit: How many at the most; copies of a photo count one by one.
        min_score: Photos with a lower cosine similarity are left out.
        pack: Where the query was a text: whose scale and bias give the probability.

    Returns:
        Best first.
    """
    near = list(
        itertools.islice(
            _passing(connection, stored, ranking, direction, filters, min_score), limit
        )
    )
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


def _passing(
    connection: Connection,
    stored: StoredPack,
    ranking: Ranking,
    direction: Direction,
    filters: Filters,
    min_score: float,
) -> Iterator[tuple[int, float]]:
    """The contents that pass the filters, best first, as far as somebody asks for them."""
    condition, values = filters.condition(stored.id)
    few = connection.execute(
        f"select distinct content_id from ({condition}) limit ?", (*values, _FEW + 1)
    ).fetchall()
    if len(few) <= _FEW:
        among = np.sort(np.array(few, np.int64).reshape(-1))
        for batch in ranking.best(direction, among):
            yield from (one for one in batch if one[1] >= min_score)
        return
    for batch in ranking.best(direction):
        near = [one for one in batch if one[1] >= min_score]
        passing = {
            id_
            for (id_,) in connection.execute(
                f"""
                select content_id from ({condition})
                where content_id in (select value from json_each(?))
                """,
                (*values, json.dumps([id_ for id_, _ in near])),
            )
        }
        yield from (one for one in near if one[0] in passing)
