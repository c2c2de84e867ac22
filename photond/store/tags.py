"""Labels, their embeddings, and the tags that contents have."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from photond.store.clock import now
from photond.store.database import Connection
from photond.store.embeddings import Embedding

Verdict = Literal["added", "removed"]


@dataclass(frozen=True, slots=True)
class Tag:
    """A label that a photo was given.

    Attributes:
        label: The word or words.
        confidence: sigmoid(logit), in [0, 1]; labels are independent and do not sum to 1. The user's
            own tags have 1.
        by_user: Whether the user gave it.
    """

    label: str
    confidence: float
    by_user: bool = False


# Every tag of every content, of one pack and of the user, each once: the user's word counts.
_ALL_TAGS = """
  select contents.id as content_id, label_id, 1.0 as confidence, 1 as by_user
  from user_tags join contents on contents.sha256 = user_tags.sha256
  where verdict = 'added'
  union all
  select content_id, label_id, confidence, 0 from tags
  where pack_id = ? and not exists (
    select 1 from user_tags join contents on contents.sha256 = user_tags.sha256
    where contents.id = tags.content_id and user_tags.label_id = tags.label_id
  )
"""


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
    """The ids of all labels by name; labels not yet known are added."""
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

    A tag that the user removed from a content is not given to it again.

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
    unwanted = _removed_by_user(connection, list(tags))
    connection.executemany(
        "insert into tags (content_id, pack_id, label_id, confidence) values (?, ?, ?, ?)",
        [
            (content_id, pack_id, ids[tag.label], tag.confidence)
            for content_id, chosen in tags.items()
            for tag in chosen
            if (content_id, ids[tag.label]) not in unwanted
        ],
    )


def delete_tags(connection: Connection, pack_id: int) -> None:
    """Take away all tags that a pack gave."""
    connection.execute("delete from tags where pack_id = ?", (pack_id,))


def set_user_tag(connection: Connection, content_id: int, label: str, verdict: Verdict) -> None:
    """Keep what the user says of a tag on a content, which no tagging changes.

    It is kept by the hash of the content, so that it outlives the content's being forgotten.

    Args:
        connection: The index.
        content_id: The content.
        label: The tag, as it is to be shown if nobody has used it before in another case.
        verdict: "added", or "removed" for a tag that the model gave and that is wrong.
    """
    row = connection.execute(
        "select id from labels where name = ? collate nocase order by name != ? limit 1",
        (label, label),
    ).fetchone()
    label_id = label_ids(connection, [label])[label] if row is None else row[0]
    connection.execute(
        """
        insert into user_tags (sha256, label_id, verdict, decided_at)
        select sha256, ?, ?, ? from contents where id = ?
        on conflict (sha256, label_id) do update set
          verdict = excluded.verdict, decided_at = excluded.decided_at
        """,
        (label_id, verdict, now(), content_id),
    )
    if verdict == "removed":
        connection.execute(
            "delete from tags where label_id = ? and content_id = ?", (label_id, content_id)
        )


def copy_user_tags(connection: Connection, from_id: int, to_id: int) -> None:
    """Let a content have the user's tags of another one, as after a photo was edited.

    Where the user has decided about a tag of both, what was decided last counts.
    """
    connection.execute(
        """
        insert into user_tags (sha256, label_id, verdict, decided_at)
        select edited.sha256, label_id, verdict, decided_at
        from contents as original
        join contents as edited on edited.id = ?
        join user_tags on user_tags.sha256 = original.sha256
        where original.id = ?
        on conflict (sha256, label_id) do update set
          verdict = excluded.verdict, decided_at = excluded.decided_at
        where excluded.decided_at > user_tags.decided_at
        """,
        (to_id, from_id),
    )
    connection.execute(
        """
        delete from tags where content_id = ? and label_id in (
          select label_id from user_tags join contents on contents.sha256 = user_tags.sha256
          where contents.id = ? and verdict = 'removed'
        )
        """,
        (to_id, to_id),
    )


def tags_of(
    connection: Connection, pack_id: int, content_ids: Sequence[int]
) -> dict[int, list[Tag]]:
    """The tags of contents by content id: the user's own first, then the most confident first."""
    found: dict[int, list[Tag]] = {content_id: [] for content_id in content_ids}
    marks = ",".join("?" * len(content_ids))
    rows = connection.execute(
        f"""
        select content_id, name, confidence, by_user from ({_ALL_TAGS})
        join labels on labels.id = label_id
        where content_id in ({marks})
        order by by_user desc, confidence desc, name
        """,
        (pack_id, *content_ids),
    )
    for content_id, name, confidence, by_user in rows:
        found[content_id].append(Tag(name, confidence, by_user=bool(by_user)))
    return found


def tag_counts(connection: Connection, pack_id: int) -> list[tuple[str, int]]:
    """Every tag with the number of photos that have it, the most frequent first."""
    return connection.execute(
        f"""
        select labels.name, count(*) as photos
        from ({_ALL_TAGS}) as tags
        join labels on labels.id = label_id
        join files on files.content_id = tags.content_id and files.state = 'present'
        group by label_id order by photos desc, labels.name
        """,
        (pack_id,),
    ).fetchall()


def label_sets(connection: Connection, pack_id: int) -> list[tuple[tuple[str, ...], int]]:
    """The tags that photos have together, each set of labels with the number of its photos."""
    labels_of: defaultdict[int, list[str]] = defaultdict(list)
    names = dict(connection.execute("select id, name from labels").fetchall())
    for content_id, label_id in connection.execute(
        f"select content_id, label_id from ({_ALL_TAGS})", (pack_id,)
    ):
        labels_of[content_id].append(names[label_id])
    photos = connection.execute(
        """
        select content_id, count(*) from files
        where state = 'present' and content_id is not null group by content_id
        """
    )
    counts: Counter[tuple[str, ...]] = Counter()
    for content_id, count in photos:
        if content_id in labels_of:
            counts[tuple(sorted(labels_of[content_id]))] += count
    return list(counts.items())


def tagged_contents(labels: Collection[str]) -> str:
    """A query for the ids of the contents that have one of some labels, the case aside.

    Its values are the pack's id, the labels, and the labels once more.
    """
    wanted = f"select id from labels where name collate nocase in ({','.join('?' * len(labels))})"
    return f"""
        select content_id from tags where pack_id = ? and label_id in ({wanted})
        union
        select contents.id from user_tags join contents on contents.sha256 = user_tags.sha256
        where verdict = 'added' and label_id in ({wanted})
    """


def count_tags(connection: Connection, pack_id: int) -> int:
    """How many tags a pack's photos were given."""
    row = connection.execute("select count(*) from tags where pack_id = ?", (pack_id,)).fetchone()
    return int(row[0])


def label_thresholds(connection: Connection, pack_id: int) -> dict[str, float]:
    """The cosines from which labels are given, by label, where they were learnt."""
    rows = connection.execute(
        """
        select name, min_cosine from label_thresholds join labels on labels.id = label_id
        where pack_id = ?
        """,
        (pack_id,),
    )
    return dict(rows.fetchall())


def set_label_thresholds(
    connection: Connection, pack_id: int, least: Mapping[int, float], learnt_from: int
) -> None:
    """Keep learnt thresholds in place of those of before.

    Args:
        connection: The index, in a transaction.
        pack_id: The pack that they are of.
        least: Cosines by label id.
        learnt_from: How many photos they were learnt from.
    """
    connection.execute("delete from label_thresholds where pack_id = ?", (pack_id,))
    connection.executemany(
        "insert into label_thresholds (pack_id, label_id, min_cosine) values (?, ?, ?)",
        [(pack_id, label_id, cosine) for label_id, cosine in least.items()],
    )
    connection.execute("update packs set learnt_from = ? where id = ?", (learnt_from, pack_id))


def _removed_by_user(connection: Connection, content_ids: Sequence[int]) -> set[tuple[int, int]]:
    """Of some contents, each with the labels that the user parted it from."""
    return set(
        connection.execute(
            f"""
            select contents.id, label_id from contents
            join user_tags on user_tags.sha256 = contents.sha256
            where verdict = 'removed' and contents.id in ({",".join("?" * len(content_ids))})
            """,
            content_ids,
        )
    )
