"""All photos that a search could find, with all that is known of them, for another program to search."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from photond.store import contents, embeddings, files, tags
from photond.store.contents import Content
from photond.store.database import Connection
from photond.store.embeddings import Embedding
from photond.store.files import FilePlace
from photond.store.tags import Tag


@dataclass(frozen=True, slots=True)
class Known:
    """Some photos, each content once, field by field in the same order.

    Attributes:
        read: How many contents were looked at for them, those included that are nowhere just now.
        facts: What the photos say of themselves.
        places: Where each is, at least one place: those that are there first, then by path.
        tags: The user's own first, then the surest.
        embeddings: float32 of shape (len(facts), dimension), unit length.
    """

    read: int
    facts: list[Content]
    places: list[list[FilePlace]]
    tags: list[list[Tag]]
    embeddings: Embedding


def known_photos(connection: Connection, pack_id: int, *, offline: bool) -> Iterator[Known]:
    """Every photo with an embedding of a pack, in pieces of some thousand.

    Args:
        connection: The index, in a snapshot.
        pack_id: The pack.
        offline: Whether photos that are only on disks that are not there count.
    """
    for ids, vectors in embeddings.all_embeddings(connection, pack_id):
        content_ids = ids.tolist()
        facts = contents.facts_of(connection, content_ids)
        tagged = tags.tags_of(connection, pack_id, content_ids)
        places = files.places_of(connection, content_ids, offline=offline)
        there = [content_id for content_id in content_ids if places[content_id]]
        yield Known(
            read=len(content_ids),
            facts=[facts[content_id] for content_id in there],
            places=[places[content_id] for content_id in there],
            tags=[tagged[content_id] for content_id in there],
            embeddings=vectors[np.isin(ids, there)],
        )
