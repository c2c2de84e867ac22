"""Stand-in."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photond.store.database import Connection
from photond.store.embeddings import Embedding, all_embeddings


@dataclass(frozen=True, slots=True)
class Direction:
    wanted: Embedding
    liked: Embedding | None = None
    unwanted: Embedding | None = None


class Ranking:
    def __init__(self, connection: Connection, pack_id: int) -> None:
        pieces = list(all_embeddings(connection, pack_id))
        self._ids = np.concatenate([p[0] for p in pieces]) if pieces else np.zeros(0, np.int64)
        self._v = np.concatenate([p[1] for p in pieces]) if pieces else np.zeros((0, 1))

    def best(
        self, direction: Direction, among: npt.NDArray[np.int64] | None
    ) -> Iterator[list[tuple[int, float]]]:
        ids, v = self._ids, self._v
        if among is not None:
            keep = np.isin(ids, among)
            ids, v = ids[keep], v[keep]
        if not len(ids):
            return
        score = v @ direction.wanted
        key = score.copy()
        if direction.unwanted is not None:
            key -= np.maximum(0, v @ direction.unwanted.T - (v @ direction.liked)[:, None]).sum(1)
        order = np.argsort(-key, kind="stable")
        yield [(int(ids[i]), float(score[i])) for i in order]
