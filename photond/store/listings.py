"""Folders that have nothing new to say: what a scan need not compare photo by photo.

A row stands only as long as nothing is to be noted about the folder. Triggers (m0007) remove it with
every change of a file or a job in it; a change on disk shows in the digest.
"""

from dataclasses import dataclass

from photond.store.database import Connection
from photond.store.files import KnownFolder
from photond.store.paths import to_column


@dataclass(frozen=True, slots=True)
class KnownListing:
    """A folder in which there was nothing to note.

    Attributes:
        digest: Of its entries and of the rules, as they were.
        indexed: How many of its photos are indexed.
    """

    digest: bytes
    indexed: int


def look_up(
    connection: Connection, path: str, pack_id: int
) -> tuple[KnownFolder | None, KnownListing | None]:
    """The folder at an absolute path, if the index knows it, and its listing.

    Args:
        connection: The index.
        path: Of the folder.
        pack_id: The pack in use; what was found with another one does not count.
    """
    row = connection.execute(
        """
        select id, volume, digest, indexed from folders
        left join listings on folder_id = id and pack_id = ?
        where path = ?
        """,
        (pack_id, to_column(path)),
    ).fetchone()
    if row is None:
        return None, None
    id_, volume, digest, indexed = row
    known = None if digest is None else KnownListing(digest, indexed)
    return KnownFolder(id_, path, volume), known


def keep(connection: Connection, folder_id: int, pack_id: int, listing: KnownListing) -> None:
    """Remember that there was nothing to note about a folder."""
    connection.execute(
        "insert or replace into listings values (?, ?, ?, ?)",
        (folder_id, pack_id, listing.digest, listing.indexed),
    )
