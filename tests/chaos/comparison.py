"""What two indices say of the photos that are there, row by row."""

import os
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photond.store.database import connect

# Tagging one photo and tagging many at once add up in another order.
_CONFIDENCE_TOLERANCE = 1e-3
_VECTOR_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Row:
    """All that an index says of a photo."""

    size: int
    mtime_ns: int
    sha256: str | None
    format: str | None
    width: int | None
    height: int | None
    taken_at: str | None
    camera: str | None
    job: str | None
    reason: str | None
    tags: dict[str, float]
    vector: npt.NDArray[np.float32] | None


def snapshot(database: Path) -> dict[str, Row]:
    """What an index says of each photo that is there, by path."""
    with closing(connect(database)) as connection:
        rows = connection.execute(
            """
            select folders.path || '/' || name, content_id, files.size, files.mtime_ns, sha256,
              format, width, height, taken_at, camera, jobs.state, jobs.reason
            from files join folders on folders.id = folder_id
            left join contents on contents.id = content_id
            left join jobs on jobs.file_id = files.id
            where files.state = 'present'
            """
        ).fetchall()
        tags = connection.execute(
            "select content_id, name, confidence from tags join labels on labels.id = label_id"
        ).fetchall()
        vectors = {
            id_: np.frombuffer(blob, "<f4")
            for id_, blob in connection.execute("select content_id, embedding from embeddings_1")
        }
    tags_of: dict[int, dict[str, float]] = {}
    for content_id, name, confidence in tags:
        tags_of.setdefault(content_id, {})[name] = confidence
    return {
        os.fsdecode(path): Row(*facts, tags_of.get(content_id, {}), vectors.get(content_id))
        for path, content_id, *facts in rows
    }


def differences(expected: dict[str, Row], found: dict[str, Row]) -> list[str]:
    """Photos that one has and the other has not, or of which they say different things."""
    return [
        *(f"missing: {path}" for path in sorted(expected.keys() - found.keys())),
        *(f"not there: {path}" for path in sorted(found.keys() - expected.keys())),
        *(
            f"different: {path}: {part}"
            for path in sorted(expected.keys() & found.keys())
            for part in _parts(expected[path], found[path])
        ),
    ]


def _parts(expected: Row, found: Row) -> list[str]:
    facts, others = asdict(expected), asdict(found)
    parts = []
    if not _are_near(facts.pop("vector"), others.pop("vector")):
        parts.append("vector")
    tags, other_tags = facts.pop("tags"), others.pop("tags")
    if tags.keys() != other_tags.keys() or any(
        abs(tags[name] - other_tags[name]) > _CONFIDENCE_TOLERANCE for name in tags
    ):
        parts.append(f"tags: {other_tags} and not {tags}")
    parts += [
        f"{name}: {others[name]} and not {facts[name]}"
        for name in facts
        if facts[name] != others[name]
    ]
    return parts


def _are_near(one: npt.NDArray[np.float32] | None, other: npt.NDArray[np.float32] | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.abs(one - other).max() <= _VECTOR_TOLERANCE)
