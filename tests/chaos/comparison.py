"""What two indices say of the photos that are there, row by row."""

import os
from contextlib import closing
from pathlib import Path

import numpy as np

from photond.store.database import connect


def snapshot(database: Path) -> dict[str, tuple]:
    """All that an index says of each photo that is there: facts, failure, embedding and tags."""
    with closing(connect(database)) as connection:
        rows = connection.execute(
            """
            select folders.path || '/' || name, files.size, files.mtime_ns, sha256, format, width,
              height, taken_at, camera, jobs.state, jobs.reason, content_id
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
    tags_of: dict[int, set[tuple[str, float]]] = {}
    for content_id, name, confidence in tags:
        tags_of.setdefault(content_id, set()).add((name, round(confidence, 4)))
    return {
        os.fsdecode(path) if isinstance(path, bytes) else path: (
            *facts,
            frozenset(tags_of.get(content_id, ())),
            None if content_id is None else tuple(np.round(vectors[content_id], 4).tolist()),
        )
        for path, *facts, content_id in rows
    }


def differences(expected: dict[str, tuple], found: dict[str, tuple]) -> list[str]:
    """Photos that one has and the other has not, or of which they say different things."""
    return [
        *(f"missing: {path}" for path in sorted(expected.keys() - found.keys())),
        *(f"not there: {path}" for path in sorted(found.keys() - expected.keys())),
        *(
            f"different: {path}: {found[path][:10]} and not {expected[path][:10]}"
            for path in sorted(expected.keys() & found.keys())
            if expected[path] != found[path]
        ),
    ]
