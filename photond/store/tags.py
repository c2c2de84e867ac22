"""Labels, their embeddings, and the tags that contents have."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from photond.store.database import Connection
from photond.store.embeddings import Embedding


@dataclass(frozen=True, slots=True)
class Tag:
    """A label that a photo was given.

    Attributes:
        label: The word or words.
        confidence: sigmoid(logit), in [0, 1]; labels are independent and do not sum to 1.
    """

    label: str
    confidence: float


def known_label_embeddings(connection: Connection, pack_id: int) -> dict[str, Embedding]:
    """The label embeddings a pack has, float32 of shape (dimension,), by the prompt they are of."""
    rows = connection.execute(
        "select prompt, embedding from label_embeddings where pack_id = ?", (pack_id,)
    )
    return {prompt: np.frombuffer(blob, "<f4") for prompt, blob in rows}


def keep_label_embeddings(
    connection: Connection, pack_id: int, embeddings: Mapping[str, Embedding]
) -> None:
    """Keep label embeddings by their prompts."""
    connection.executemany(
        "insert or replace into label_embeddings (pack_id, prompt, embedding) values (?, ?, ?)",
        [
            (pack_id, prompt, embedding.astype("<f4", copy=False).tobytes())
            for prompt, embedding in embeddings.items()
        ],
    )


def label_ids(connection: Connection, labels: Iterable[str]) -> dict[str, int]:
    """The ids of labels by name; labels not yet known are added."""
    connection.executemany(
        "insert into labels (name) values (?) on conflict do nothing", [(name,) for name in labels]
    )
    return dict(connection.execute("select name, id from labels").fetchall())


def set_tags(
    connection: Connection,
    pack_id: int,
    tags: Mapping[int, Sequence[Tag]],
    ids: Mapping[str, int],
) -> None:
    """Give contents their tags, in place of those that the pack gave them before.

    Args:
        connection: The index.
        pack_id: The pack whose embeddings the tags are from.
        tags: By content id.
        ids: The ids of the labels.
    """
    connection.executemany(
        "delete from tags where content_id = ? and pack_id = ?",
        [(content_id, pack_id) for content_id in tags],
    )
    connection.executemany(
        "insert into tags (content_id, pack_id, label_id, confidence) values (?, ?, ?, ?)",
        [
            (content_id, pack_id, ids[tag.label], tag.confidence)
            for content_id, chosen in tags.items()
            for tag in chosen
        ],
    )


def tags_of(
    connection: Connection, pack_id: int, content_ids: Sequence[int]
) -> dict[int, list[Tag]]:
    """The tags of contents by content id, the most confident first."""
    found: dict[int, list[Tag]] = {content_id: [] for content_id in content_ids}
    rows = connection.execute(
        f"""
        select content_id, name, confidence from tags join labels on labels.id = label_id
        where pack_id = ? and content_id in ({",".join("?" * len(content_ids))})
        order by confidence desc, name
        """,
        (pack_id, *content_ids),
    )
    for content_id, name, confidence in rows:
        found[content_id].append(Tag(name, confidence))
    return found


def tag_counts(connection: Connection, pack_id: int) -> list[tuple[str, int]]:
    """Every tag with the number of photos that have it, the most frequent first."""
    return connection.execute(
        """
        select labels.name, count(*) as photos
        from tags
        join labels on labels.id = label_id
        join files on files.content_id = tags.content_id and files.state = 'present'
        where pack_id = ?
        group by label_id order by photos desc, labels.name
        """,
        (pack_id,),
    ).fetchall()
