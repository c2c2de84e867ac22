"""What contents look like: their perceptual hashes, and the contents that have none yet."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from photond.store.database import Connection
from photond.store.embeddings import embedded_contents
from photond.store.paths import joined

NEVER = -(2**63)


@dataclass(frozen=True, slots=True)
class Looks:
    """What n contents look like, the largest first.

    Attributes:
        ids: Of the contents, shape (n,).
        hashes: Their perceptual hashes, shape (n, 2): 128 bits in two words.
        taken_at: When they were taken, local wall time as seconds since 1970 (as if it were UTC), shape
            (n,); `NEVER` where a photo does not state it.
    """

    ids: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]
    taken_at: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Unhashed:
    """A content without a perceptual hash, and a file that had it at the last look."""

    content_id: int
    sha256: str
    path: str


def set_perceptual_hash(connection: Connection, content_id: int, perceptual_hash: bytes) -> None:
    """Keep what a content looks like, 16 bytes as `photond.imaging.perceptual` makes them."""
    connection.execute(
        "update contents set perceptual_hash = ? where id = ?", (perceptual_hash, content_id)
    )


def known_looks(connection: Connection, pack_id: int) -> Looks:
    """What the photos look like that were there at the last look and have an embedding of a pack."""
    rows = connection.execute(
        f"""
        select id, perceptual_hash, coalesce(unixepoch(taken_at), ?) from contents
        where perceptual_hash is not null
          and id in (select content_id from files where state = 'present')
          and id in (select rowid from {embedded_contents(pack_id)})
        order by width * height desc, size desc, id
        """,
        (NEVER,),
    ).fetchall()
    hashes = np.frombuffer(b"".join(row[1] for row in rows), np.uint64)
    return Looks(
        np.array([row[0] for row in rows], np.int64),
        hashes.reshape(-1, 2),
        np.array([row[2] for row in rows], np.int64),
    )


def unhashed(connection: Connection, after: int, limit: int) -> list[Unhashed]:
    """The first contents after an id that have no perceptual hash and are there, in order."""
    rows = connection.execute(
        """
        select contents.id, sha256, folders.path, name from contents
        join files on files.id = (
          select min(files.id) from files where content_id = contents.id and state = 'present'
        )
        join folders on folders.id = folder_id
        where perceptual_hash is null and contents.id > ? order by contents.id limit ?
        """,
        (after, limit),
    )
    return [Unhashed(id_, sha256, joined(folder, name)) for id_, sha256, folder, name in rows]


def count_unhashed(connection: Connection) -> dict[str, int]:
    """How many contents have no perceptual hash, by whether they are "present" or only "offline"."""
    return dict(
        connection.execute(
            """
            select state, count(*) from (
              -- "present" sorts after "offline": one file that is there is enough.
              select max(files.state) as state from contents
              join files on content_id = contents.id and files.state in ('present', 'offline')
              where perceptual_hash is null group by contents.id
            )
            group by state
            """
        ).fetchall()
    )
