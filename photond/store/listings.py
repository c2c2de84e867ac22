"""Folders that have nothing new to say: what a scan need not compare photo by photo.

A row stands only as long as nothing is to be noted about the folder. Triggers (m0007) remove it with
every change of a file or a job in it; a change on disk shows in the digest.
"""

from collections.abc import Sequence
from typing import NamedTuple

from photond.store.database import Connection
from photond.store.paths import from_column, to_column


# Not a dataclass, which takes twice as long to make: a scan makes one a folder.
class KnownListing(NamedTuple):
    """A folder in which there was nothing to note.

    Attributes:
        path: Absolute.
        digest: Of its entries and of the rules, as they were; empty if there is none.
        indexed: How many of its photos are indexed.
    """

    path: str
    digest: bytes
    indexed: int


def look_up(
    connection: Connection, paths: Sequence[str], pack_id: int
) -> dict[str, KnownListing | None]:
    """The listing of each folder, or None for one that the index does not know at all.

    Args:
        connection: The index.
        paths: Absolute paths of folders, a few hundred at most. A query costs seven times as much as
            what it says of one more folder.
        pack_id: The pack in use; what was found with another one does not count.
    """
    rows = connection.execute(
        f"""
        select path, digest, indexed from folders
        left join listings on folder_id = id and pack_id = ?
        where path in ({",".join("?" * len(paths))})
        """,
        (pack_id, *map(to_column, paths)),
    )
    found: dict[str, KnownListing | None] = dict.fromkeys(paths)
    for stored, digest, indexed in rows:
        path = from_column(stored)
        found[path] = KnownListing(path, digest or b"", indexed or 0)
    return found


def keep(connection: Connection, folder_id: int, pack_id: int, listing: KnownListing) -> None:
    """Remember that there was nothing to note about a folder."""
    connection.execute(
        "insert or replace into listings values (?, ?, ?, ?)",
        (folder_id, pack_id, listing.digest, listing.indexed),
    )
