"""Everything that the index knows of one photo."""

from dataclasses import dataclass

from photond.store import contents, records, tags
from photond.store.contents import Content
from photond.store.database import Connection
from photond.store.identical import StoredCopy, copies_of
from photond.store.packs import serving_pack
from photond.store.records import FileRecord
from photond.store.tags import Tag


@dataclass(frozen=True, slots=True)
class KnownContent:
    """What was read in a photo, and what came of it.

    Attributes:
        facts: What it says about itself.
        tags: The user's own first, then the surest.
        copies: The other files with the bytes that were read, wherever they are.
        packs: Name and state of the packs that it has an embedding of.
    """

    facts: Content
    tags: tuple[Tag, ...]
    copies: tuple[StoredCopy, ...]
    packs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class KnownPhoto:
    """A photo that the index knows.

    Attributes:
        path: Absolute.
        file: The file.
        content: What is in it; None if it was never read, or could not be.
    """

    path: str
    file: FileRecord
    content: KnownContent | None


def known_photo(connection: Connection, path: str) -> KnownPhoto | None:
    """What the index knows of the photo at an absolute path; None if that is nothing."""
    file = records.file_at(connection, path)
    if file is None:
        return None
    read = path if file.read_as is None else f"{path.rpartition('/')[0]}/{file.read_as}"
    return KnownPhoto(path, file, _content(connection, read, file.content_id))


def _content(connection: Connection, path: str, content_id: int | None) -> KnownContent | None:
    if content_id is None:
        return None
    serving = serving_pack(connection)
    found = {} if serving is None else tags.tags_of(connection, serving.id, [content_id])
    copies = copies_of(connection, [content_id])[content_id]
    return KnownContent(
        facts=contents.facts_of(connection, [content_id])[content_id],
        tags=tuple(found.get(content_id, ())),
        copies=tuple(copy for copy in copies if copy.path != path),
        packs=tuple(records.packs_with(connection, content_id)),
    )
