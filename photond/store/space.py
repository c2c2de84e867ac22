"""What an index holds, and how much room each part of it takes."""

from dataclasses import dataclass
from pathlib import Path

from photond.store import vec0
from photond.store.database import Connection, compact, snapshot, transaction
from photond.store.embeddings import count_embeddings, vectors_table


@dataclass(frozen=True, slots=True)
class PackSpace:
    """What a pack takes.

    Attributes:
        name: As it was called when it was first used.
        state: "building", "serving", "retired" or "kept".
        dimension: Of its embeddings.
        embeddings: How many there are.
        bytes: What they take, without its tags and its embeddings of labels.
    """

    name: str
    state: str
    dimension: int
    embeddings: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Stats:
    """What an index holds and takes.

    Attributes:
        file_bytes: Of the database's file.
        wal_bytes: What is written beside it, and not into it yet.
        free_bytes: Room in the file that is not used.
        files: How many files there are, by state.
        jobs: How many photos wait or could not be read, by the state of their jobs.
        contents: How many different photos there are.
        unused_contents: How many of these no file has any more; the next pass removes them.
        tags: How many tags were given.
        user_tags: How many tags the user gave or took away.
        packs: What each pack takes.
        tables: The bytes of each table with its indices, the largest first; those of a pack's embeddings
            together, under the name of its vec0 table.
    """

    file_bytes: int
    wal_bytes: int
    free_bytes: int
    files: dict[str, int]
    jobs: dict[str, int]
    contents: int
    unused_contents: int
    tags: int
    user_tags: int
    packs: tuple[PackSpace, ...]
    tables: dict[str, int]

    @property
    def photos(self) -> int:
        """How many files there are."""
        return sum(self.files.values())

    @property
    def bytes_per_photo(self) -> float | None:
        """What a photo takes in the file; None where there is none."""
        return self.file_bytes / self.photos if self.photos else None


def stats(connection: Connection, path: Path) -> Stats:
    """Look at an index, of which every page is read; `path` is its file."""
    with snapshot(connection):
        tables = _table_bytes(connection)
        (page_size,) = connection.execute("pragma page_size").fetchone()
        (free_pages,) = connection.execute("pragma freelist_count").fetchone()
        return Stats(
            file_bytes=path.stat().st_size,
            wal_bytes=wal_bytes(path),
            free_bytes=page_size * free_pages,
            files=_counts(connection, "select state, count(*) from files group by state"),
            jobs=_counts(connection, "select state, count(*) from jobs group by state"),
            contents=_count(connection, "contents"),
            unused_contents=_count(
                connection,
                "contents where not exists (select 1 from files where content_id = contents.id)",
            ),
            tags=_count(connection, "tags"),
            user_tags=_count(connection, "user_tags"),
            packs=tuple(
                PackSpace(
                    name,
                    state,
                    dimension,
                    count_embeddings(connection, id_),
                    tables[vectors_table(id_)],
                )
                for id_, name, state, dimension in connection.execute(
                    "select id, name, state, embedding_dimension from packs"
                ).fetchall()
            ),
            tables=tables,
        )


def wal_bytes(path: Path) -> int:
    """The size of what is written beside an index's file, and not into it yet."""
    wal = path.with_name(f"{path.name}-wal")
    return wal.stat().st_size if wal.exists() else 0


def vacuum(connection: Connection) -> None:
    """Give back the room that was freed; nobody else indexes meanwhile."""
    packs = connection.execute("select id, embedding_dimension from packs").fetchall()
    with transaction(connection):
        for pack_id, dimension in packs:
            vec0.pack_tightly(connection, pack_id, dimension)
    compact(connection)


def _table_bytes(connection: Connection) -> dict[str, int]:
    rows = connection.execute(
        """
        select coalesce(tbl_name, stat.name), sum(pgsize) from dbstat('main', 1) as stat
        left join sqlite_master as master on master.name = stat.name
        group by 1
        """
    ).fetchall()
    vectors = [vectors_table(id_) for (id_,) in connection.execute("select id from packs")]
    tables = dict.fromkeys(vectors, 0)
    for name, size in rows:
        whole = next((one for one in vectors if name.startswith(f"{one}_")), name)
        tables[whole] = tables.get(whole, 0) + size
    return dict(sorted(tables.items(), key=lambda item: -item[1]))


def _counts(connection: Connection, query: str) -> dict[str, int]:
    return dict(connection.execute(query).fetchall())


def _count(connection: Connection, what: str) -> int:
    (count,) = connection.execute(f"select count(*) from {what}").fetchone()
    return int(count)
