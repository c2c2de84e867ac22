"""Making a new index of what can be read of one whose file is damaged.

The rows are read past SQLite, which refuses a whole table for the sake of a page. Those of pages that
nothing leads to any more are told by what they look like. They are put into an index made anew, where
whatever refers to something lost is mended as by `photond.store.check`, and photos without an embedding
are queued.
"""

import mmap
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import sqlean.dbapi2

from photond.errors import DamagedIndexError, IndexDatabaseError
from photond.store import check, jobs, salvaged_vectors
from photond.store.database import Connection, connect, explained, open_index, transaction
from photond.store.exchange import copy_with_wal, draft, exchange, finish
from photond.store.lock import only_indexer
from photond.store.pages import Found, PagedFile, Row, Value
from photond.store.schema import migration_files
from photond.store.vec0 import MOST_DIMENSIONS

# In the order in which the rows of pages that nothing leads to are tried: what the user cannot have
# computed again comes first.
_TABLES = (
    "user_tags",
    "labels",
    "contents",
    "files",
    "folders",
    "packs",
    "jobs",
    "scans",
)
# These are made anew from the rest in seconds, so only what is found at its place is taken.
_MADE_ANEW = ("tags", "label_embeddings", "label_thresholds", "query_embeddings")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "INTEGER": int,
    "REAL": (int, float),
    "TEXT": str,
    "BLOB": bytes,
    "ANY": (int, float, str, bytes),
}
_SHA256 = re.compile("[0-9a-f]{64}")
_MIGRATION = re.compile(r"m\d{4}_\w+")


@dataclass(frozen=True, slots=True)
class Salvage:
    """What came out.

    Attributes:
        saved: How many rows of each table.
        embeddings: How many of each pack, by its name.
        damaged: How many pages of each table could not be read as they should be.
        lost_tags: The user's own that were there and cannot be read whole: label, and path or, where
            that is lost as well, hash of the photo. Whether they were added or removed is not known.
        waiting: How many photos are to be read again.
        kept: Where the damaged index is.
    """

    saved: dict[str, int]
    embeddings: dict[str, int]
    damaged: dict[str, int]
    lost_tags: tuple[tuple[str, str], ...]
    waiting: int
    kept: Path | None


def is_damaged(database: Path) -> bool:
    """Whether the file of an index is damaged, so that nothing but salvaging helps.

    Raises:
        IndexDatabaseError: There is no index, or it is locked, from a newer version, or not photond's.
    """
    try:
        with explained(database), closing(open_index(database)) as connection:
            return not all(finding.can_be_mended for finding in check.findings(connection))
    except DamagedIndexError:
        return True


def salvage(database: Path, pack_names: Mapping[str, str]) -> Salvage:
    """Put a new index in the place of a damaged one, with all that can be read of that.

    Args:
        database: The index's file.
        pack_names: What packs are called, by their fingerprints, in case that cannot be read.

    Raises:
        IndexDatabaseError: Another process is at the index; the disk is full, fails, or may not be
            written; nothing can be read. The index is as it was.
    """
    with draft(database) as copy, draft(database) as new, only_indexer(database):
        _copy(database, copy)
        with copy.open("rb") as file, explained(database):
            if not copy.stat().st_size:
                raise IndexDatabaseError(f"the index {database} is empty")
            with (
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
                closing(open_index(new)) as connection,
            ):
                found = _Salvaging(PagedFile(data), connection, pack_names).run()
                finish(connection)
        return replace(found, kept=exchange(database, new, keep=True))


def _copy(database: Path, copy: Path) -> None:
    """Copy an index's file, with what SQLite has not yet written into it if that can be had."""
    copy_with_wal(database, copy)
    if copy.with_name(f"{copy.name}-wal").exists():
        with suppress(sqlean.dbapi2.DatabaseError), closing(connect(copy)) as connection:
            connection.execute("pragma wal_checkpoint(truncate)")


@dataclass(frozen=True, slots=True)
class _Table:
    """A table as it is now; rows of older versions have fewer values.

    Attributes:
        columns: In the order in which they are stored.
        types: Of Python, of each column.
        may_be_null: Of each column.
        may_be_absent: Of each column, whether it may be one that older versions did not have.
        rowid: Which column is the rowid, if one is.
        has_rowid: Whether rows have one.
    """

    name: str
    columns: tuple[str, ...]
    types: tuple[type | tuple[type, ...], ...]
    may_be_null: tuple[bool, ...]
    may_be_absent: tuple[bool, ...]
    rowid: int | None
    has_rowid: bool

    @classmethod
    def of(cls, connection: Connection, name: str) -> "_Table":
        info = connection.execute(f"pragma table_info({name})").fetchall()
        ((without_rowid,),) = connection.execute(
            "select wr from pragma_table_list where name = ?", (name,)
        ).fetchall()
        if without_rowid:
            info.sort(key=lambda column: column[5] or len(info) + column[0])
        rowids = [at for at, one in enumerate(info) if one[5] and one[2] == "INTEGER"]
        rowid = rowids[0] if rowids and not without_rowid else None
        return cls(
            name,
            tuple(one[1] for one in info),
            tuple(_TYPES[one[2]] for one in info),
            tuple(not one[3] for one in info),
            tuple(not one[3] or one[4] is not None for one in info),
            rowid,
            not without_rowid,
        )

    def fits(self, row: Row) -> bool:
        """Whether a row can be one of this table."""
        values = row.values
        if not row.is_whole or (row.rowid is not None) != self.has_rowid:
            return False
        if len(values) > len(self.columns) or not all(self.may_be_absent[len(values) :]):
            return False
        return all(map(self._is_fit, range(len(values)), values))

    def named(self, row: Row) -> tuple[Value, ...]:
        """The values of a row, with the rowid in its place."""
        values = list(row.values)
        if self.rowid is not None:
            values[self.rowid] = row.rowid
        return tuple(values)

    def _is_fit(self, at: int, value: Value) -> bool:
        if at == self.rowid:
            return value is None
        if value is None:
            return self.may_be_null[at]
        if self.columns[at] == "sha256":
            return isinstance(value, str) and _SHA256.fullmatch(value) is not None
        if self.columns[at] == "embedding_dimension":
            return isinstance(value, int) and 0 < value <= MOST_DIMENSIONS
        if self.columns[at] == "path":
            return value[:1] in ("/", b"/") if isinstance(value, (str, bytes)) else False
        return isinstance(value, self.types[at])


class _Salvaging:
    """From the pages of a file into an empty index.

    Args:
        pages: Of the damaged file.
        connection: To the new index.
        pack_names: By fingerprint.
    """

    def __init__(
        self, pages: PagedFile, connection: Connection, pack_names: Mapping[str, str]
    ) -> None:
        self._pages = pages
        self._connection = connection
        self._pack_names = pack_names
        self._saved: Counter[str] = Counter()
        self._damaged: Counter[str] = Counter()
        self._known: set[int] = set()
        self._roots = self._read_roots()
        self._tables = {name: _Table.of(connection, name) for name in (*_TABLES, *_MADE_ANEW)}

    def run(self) -> Salvage:
        """Fill the index; where the damaged one is kept is not said yet."""
        connection = self._connection
        self._require_known_version()
        connection.execute("pragma foreign_keys = off")
        with transaction(connection):
            for name in self._tables:
                for row in self._rows_of(name):
                    self._put(self._tables[name], row)
            self._from_indices()
            vectors = self._vectors()
            # What nothing leads to can only be told once everything is known that something leads to.
            for name in self._roots:
                if name not in self._tables and not name.startswith("embeddings_"):
                    list(self._rows_of(name))
            self._from_strays(vectors)
            packs = self._packs()
            stored = {name: vectors.put(id_, dimension) for id_, name, dimension in packs}
            connection.execute("update packs set tagging_fingerprint = null")
            lost_tags = list(self._lost_tags())
            check.mend_rows(connection, [id_ for id_, _, _ in packs])
        connection.execute("pragma foreign_keys = on")
        left = check.findings(connection)
        if left or not any(self._saved[name] for name in ("user_tags", "contents", "files")):
            detail = f": {left[0].detail}" if left else ""
            raise IndexDatabaseError(
                f"nothing can be salvaged{detail}",
                "Restore a backup, or move the file away and run `photond index`.",
            )
        return Salvage(
            saved=dict(self._saved),
            embeddings=stored,
            damaged={name: count for name, count in self._damaged.items() if count},
            lost_tags=tuple(lost_tags),
            waiting=jobs.count_waiting(connection),
            kept=None,
        )

    def _read_roots(self) -> dict[str, int]:
        """The root pages of tables and indices, by their names, as far as they can be read."""
        found = Found()
        roots = {
            row.values[1]: row.values[3]
            for row in self._pages.rows(1, found)
            if len(row.values) == 5 and row.values[0] in ("table", "index")  # noqa: PLR2004
        }
        self._known |= found.pages
        self._damaged["sqlite_schema"] = len(found.spoilt)
        return {
            name: root
            for name, root in roots.items()
            if isinstance(name, str) and isinstance(root, int) and root > 1
        }

    def _require_known_version(self) -> None:
        """A newer version has columns that this one would drop."""
        known = {file.stem for file in migration_files()}
        for row in self._rows_of("_sqlite_migrations"):
            for value in row.values:
                if isinstance(value, str) and _MIGRATION.fullmatch(value) and value not in known:
                    raise IndexDatabaseError(
                        f"the index was written by a newer photond (it has {value})",
                        "Update photond.",
                    )

    def _rows_of(self, name: str) -> Iterator[Row]:
        """The rows of a table, or the entries of an index, at their place."""
        root = self._roots.get(name)
        found = Found()
        if root is None:
            found.spoilt.add(0)
        else:
            yield from self._pages.rows(root, found)
        self._known |= found.pages
        self._damaged[name] = len(found.spoilt)

    def _put(self, table: _Table, row: Row) -> None:
        if not table.fits(row):
            return
        columns = ", ".join(table.columns[: len(row.values)])
        marks = ", ".join("?" * len(row.values))
        # One that breaks a constraint is not what was written.
        with suppress(sqlean.dbapi2.IntegrityError):
            self._saved[table.name] += self._connection.execute(
                f"insert or ignore into {table.name} ({columns}) values ({marks})", table.named(row)
            ).rowcount

    def _from_indices(self) -> None:
        """What stands in an index whole: the labels, and of packs what they are known by."""
        for row in self._rows_of("sqlite_autoindex_labels_1"):
            match row.values:
                case (str(label), int(id_)):
                    self._put(self._tables["labels"], Row(id_, (None, label)))
        for row in self._rows_of("sqlite_autoindex_packs_1"):
            match row.values:
                case (str(fingerprint), int(id_)):
                    name = self._pack_names.get(fingerprint, fingerprint)
                    dimension = salvaged_vectors.dimension_of(self._pages, self._roots, id_)
                    values = (None, name, fingerprint, dimension, None, "")
                    if dimension is not None:
                        self._put(self._tables["packs"], Row(id_, values))

    def _lost_tags(self) -> Iterator[tuple[str, str]]:
        """What the index of the user's tags has besides the tags that were saved."""
        for row in self._rows_of("user_tags_by_label"):
            match row.values:
                case (int(label_id), str(sha256)):
                    yield from self._if_lost(label_id, sha256)

    def _if_lost(self, label_id: int, sha256: str) -> list[tuple[str, str]]:
        """A tag of the user's, unless it was saved or nobody knows what the label was."""
        return self._connection.execute(
            """
            select name, coalesce((
              select path from photos where photos.sha256 = ?2 and typeof(path) = 'text' limit 1
            ), ?2)
            from labels where id = ?1
              and not exists (select 1 from user_tags where label_id = ?1 and sha256 = ?2)
            """,
            (label_id, sha256),
        ).fetchall()

    def _vectors(self) -> salvaged_vectors.Vectors:
        vectors = salvaged_vectors.Vectors(self._connection)
        for name in self._roots:
            part = salvaged_vectors.part_of(name)
            if part is not None:
                pack_id, suffix = part
                for row in self._rows_of(name):
                    vectors.add(pack_id, suffix, row)
                if not self._damaged[name]:
                    vectors.complete.add((pack_id, suffix))
        return vectors

    def _from_strays(self, vectors: salvaged_vectors.Vectors) -> None:
        wanted = [self._tables[name] for name in _TABLES if self._damaged[name]]
        packs = self._packs()
        known = self._known | self._pages.unused()
        for number in self._pages.strays(known):
            for row in self._pages.page_rows(number):
                table = next((one for one in wanted if one.fits(row)), None)
                if table is not None:
                    self._put(table, row)
                elif len(packs) == 1 or not self._roots:
                    vectors.add_stray(packs[0][0] if packs else 1, row)

    def _packs(self) -> list[tuple[int, str, int]]:
        """Id, name and dimension of each pack that is known by now."""
        return self._connection.execute(
            "select id, name, embedding_dimension from packs"
        ).fetchall()
