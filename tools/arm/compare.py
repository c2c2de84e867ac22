"""Hold the index and the answers of one machine against those of another."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photond.store.database import open_index

# What photond promises of another processor.
LEAST_COSINE = 0.999


@dataclass(frozen=True, slots=True)
class Index:
    """What photos became on one machine.

    Attributes:
        embeddings: By the SHA-256 of the photo, float32 of unit length.
        rankings: Of each query, the names of photos, best first, with their scores.
    """

    embeddings: Mapping[str, npt.NDArray[np.float32]]
    rankings: Sequence[Sequence[tuple[str, float]]]


def read_index(home: Path, answers: Sequence[str]) -> Index:
    """What a user's index holds, and what searches of it found.

    Args:
        home: The user's folder.
        answers: What `photond query --json` printed.
    """
    connection = open_index(home / ".local/share/photond/index.db")
    try:
        rows = connection.execute(
            "select sha256, embedding from embeddings_1 join contents on contents.id = content_id"
        ).fetchall()
    finally:
        connection.close()
    return Index(
        {sha256: np.frombuffer(vector, np.float32) for sha256, vector in rows},
        [
            [(Path(item["path"]).name, item["score"]) for item in json.loads(answer)]
            for answer in answers
        ],
    )


def compare(found: Index, expected: Index) -> tuple[bool, str]:
    """Whether two machines agree, and how closely."""
    if not expected.embeddings or found.embeddings.keys() != expected.embeddings.keys():
        return False, f"{len(found.embeddings)} photos, not {len(expected.embeddings)}"
    least = min(
        _cosine(vector, expected.embeddings[sha256]) for sha256, vector in found.embeddings.items()
    )
    names, wanted = (
        [[name for name, _ in ranking] for ranking in index.rankings] for index in (found, expected)
    )
    if names != wanted:
        return False, f"ranked {names}, not {wanted}"
    off = max(
        abs(score - other)
        for ranking, others in zip(found.rankings, expected.rankings, strict=True)
        for (_, score), (_, other) in zip(ranking, others, strict=True)
    )
    text = f"the same ranking, cosines of at least 1 - {1 - least:.0e}, scores within {off:.0e}"
    return least > LEAST_COSINE, text


def _cosine(left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]) -> float:
    # float32 would round what is to be seen.
    one, other = left.astype(np.float64), right.astype(np.float64)
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))
