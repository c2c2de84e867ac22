"""Folders and files: what the last scans found on disk.

A file row says that a photo stands, or stood, at a path; what the photo *is* (its facts, embedding and
tags) belongs to its content, which several files may share.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from photond.store.clock import days_ago, now
from photond.store.database import Connection
from photond.store.embeddings import embedded_contents
from photond.store.paths import below, from_column, joined, to_column

# SQLite binds some thousands of values; beyond this many, reading the whole folder is as quick.
_NAMES_AT_ONCE = 500

# What no file's time of modification can be.
_NEVER_NS = -(2**63)

Absence = Literal["missing", "offline"]
Outlook = Literal["indexed", "failed", "waiting", "covered", "due"]


@dataclass(frozen=True, slots=True)
class FileStat:
    """What a directory listing and `stat` say of one file.

    Attributes:
        name: The file's name in its folder.
        size: In bytes.
        mtime_ns: Time of the last modification, nanoseconds since 1970.
        inode: Its number in the file system; 0 where the file system makes numbers up at each mount.
    """

    name: str
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as the index has it.

    Attributes:
        stat: As of the last time when it was seen.
        state: "present", "missing" or "offline".
        outlook: "indexed"; "failed" in a way that only a change can mend; "waiting" if its job is there
            already; "covered" if its photo is read in its place; "due" if it needs a job.
        companion_of: The id of the photo that it is a companion of, if it is one.
        has_failed: Whether it could not be read and nothing is known of it, so that its companions are
            read.
    """

    id: int
    stat: FileStat
    state: str
    outlook: Outlook
    companion_of: int | None = None
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class KnownFolder:
    """A folder as the index has it; `volume` is the id of the file system that was mounted there."""

    id: int
    path: str
    volume: str | None


def folder(connection: Connection, path: str) -> KnownFolder | None:
    """The folder at an absolute path, if the index knows it."""
    row = connection.execute(
        "select id, path, volume from folders where path = ?", (to_column(path),)
    ).fetchone()
    return None if row is None else KnownFolder(row[0], from_column(row[1]), row[2])


def folders_below(
    connection: Connection, path: str, besides: Collection[str] = frozenset()
) -> list[KnownFolder]:
    """The folder at `path` and those below it that the index knows, besides some."""
    condition, values = below("path", path)
    rows = connection.execute(f"select id, path, volume from folders where {condition}", values)
    return [
        KnownFolder(id_, known, volume)
        for id_, stored, volume in rows
        if (known := from_column(stored)) not in besides
    ]


def add_folder(connection: Connection, path: str) -> int:
    """Make a folder known; returns its id, also when it was known before."""
    connection.execute(
        "insert into folders (path) values (?) on conflict do nothing", (to_column(path),)
    )
    row = connection.execute("select id from folders where path = ?", (to_column(path),)).fetchone()
    return int(row[0])


def set_volume(connection: Connection, folder_id: int, volume: str) -> None:
    """Remember which file system is mounted at a folder."""
    connection.execute("update folders set volume = ? where id = ?", (volume, folder_id))


def files_in(
    connection: Connection, folder_id: int, pack_id: int, names: Collection[str] | None = None
) -> Mapping[str, KnownFile]:
    """The files of one folder by name, as the index has them.

    Args:
        connection: The index.
        folder_id: The folder.
        pack_id: The pack in use: a file whose content has no embedding of it is due.
        names: Only these; all if None.
    """
    asked = None if names is None else {name: to_column(name) for name in names}
    is_asked = "1"
    values: list[str | bytes] = []
    if asked is not None and len(asked) <= _NAMES_AT_ONCE:
        is_asked, values = f"name in ({','.join('?' * len(asked))})", list(asked.values())
    rows = connection.execute(
        f"""
        select files.id, name, files.size, mtime_ns, inode, files.state,
          case
            when jobs.state in ('queued', 'running', 'suspect') then 'waiting'
            when jobs.state = 'quarantined' or jobs.failure = 'undecodable' then 'failed'
            when jobs.state is null and companion_of is not null and content_id is null then 'covered'
            when jobs.state is null and embeddings.rowid is not null then 'indexed'
            else 'due'
          end,
          companion_of,
          content_id is null and jobs.state in ('failed', 'quarantined')
        from files
        left join jobs on jobs.file_id = files.id
        left join {embedded_contents(pack_id)} as embeddings on embeddings.rowid = content_id
        where folder_id = ? and {is_asked}
        """,
        (folder_id, *values),
    )
    return {
        name: KnownFile(
            id_, FileStat(name, size, mtime_ns, inode), state, outlook, photo_id, bool(has_failed)
        )
        for id_, stored, size, mtime_ns, inode, state, outlook, photo_id, has_failed in rows
        for name in (from_column(stored),)
        if asked is None or name in asked
    }


def add_file(connection: Connection, folder_id: int, stat: FileStat) -> int:
    """Make a file known; returns its id."""
    row = connection.execute(
        """
        insert into files (folder_id, name, size, mtime_ns, inode) values (?, ?, ?, ?, ?)
        returning id
        """,
        (folder_id, to_column(stat.name), stat.size, stat.mtime_ns, stat.inode),
    ).fetchone()
    return int(row[0])


def update_file(connection: Connection, file_id: int, stat: FileStat) -> None:
    """Take over what a scan has seen of a known file, which is thereby present."""
    connection.execute(
        """
        update files set size = ?, mtime_ns = ?, inode = ?, state = 'present', missing_since = null
        where id = ?
        """,
        (stat.size, stat.mtime_ns, stat.inode, file_id),
    )


def mark_absent(connection: Connection, file_ids: Iterable[int], absence: Absence) -> None:
    """Note that files are not where they were.

    A file that cannot be found any more has nothing left to be done, so its job goes too. If there was
    one, what the index has of the file is not what was seen last, and it is read when it comes back.
    """
    since = now() if absence == "missing" else None
    ids = [(file_id,) for file_id in file_ids]
    connection.executemany(
        """
        update files set state = ?, missing_since = ?,
          mtime_ns = iif(exists (select 1 from jobs where file_id = files.id), ?, mtime_ns)
        where id = ?
        """,
        [(absence, since, _NEVER_NS, *row) for row in ids],
    )
    connection.executemany("delete from jobs where file_id = ?", ids)


def mark_folder_absent(connection: Connection, folder_id: int, absence: Absence) -> None:
    """Note that a folder's files are not there.

    Files already offline become missing when their disk is back without them; never the reverse.
    """
    before = ("present", "offline") if absence == "missing" else ("present", "present")
    rows = connection.execute(
        "select id from files where folder_id = ? and state in (?, ?)", (folder_id, *before)
    ).fetchall()
    mark_absent(connection, (id_ for (id_,) in rows), absence)


def count_folders(connection: Connection) -> int:
    """How many folders with photos the index knows."""
    row = connection.execute("select count(*) from folders").fetchone()
    return int(row[0])


def has_files_below(connection: Connection, path: str) -> bool:
    """Whether the index has files below a path, be they there or on a disk that is not."""
    condition, values = below("folders.path", path)
    row = connection.execute(
        f"""
        select 1 from folders join files on files.folder_id = folders.id
        where {condition} and files.state in ('present', 'offline') limit 1
        """,
        values,
    ).fetchone()
    return row is not None


def count_unread(connection: Connection) -> int:
    """How many files were never read, and are waiting for it."""
    row = connection.execute(
        """
        select count(*) from files join jobs on jobs.file_id = files.id
        where content_id is null and jobs.state in ('queued', 'running', 'suspect')
        """
    ).fetchone()
    return int(row[0])


def count_offline(connection: Connection, path: str) -> int:
    """How many photos below a path are on a disk that is not there."""
    return _count_below(connection, path, "files.state = 'offline'")


def count_missing(connection: Connection, path: str, since: str) -> int:
    """How many photos below a path were noticed to be missing at a moment or later."""
    return _count_below(connection, path, "files.state = 'missing' and missing_since >= ?", since)


def _count_below(connection: Connection, path: str, condition: str, *values: str) -> int:
    is_below, path_values = below("folders.path", path)
    # Few files are so, and an index has them; by folder, all the others would be looked at.
    row = connection.execute(
        f"""
        select count(*) from files cross join folders on folders.id = files.folder_id
        where {is_below} and {condition} and not (companion_of is not null and content_id is null)
        """,
        (*path_values, *values),
    ).fetchone()
    return int(row[0])


def content_of(connection: Connection, file_id: int) -> int | None:
    """The id of the content that a file had when it was last read."""
    row = connection.execute("select content_id from files where id = ?", (file_id,)).fetchone()
    return None if row is None else row[0]


def content_at(connection: Connection, path: str) -> int | None:
    """The id of the content of the photo at a path, if the index has it.

    Of a RAW file in whose place a photo is read, it is the photo's.
    """
    folder_path, _, name = path.rpartition("/")
    row = connection.execute(
        """
        select coalesce(files.content_id, photo.content_id) from files
        join folders on folders.id = files.folder_id
        left join files as photo on photo.id = files.companion_of
        where folders.path = ? and files.name = ?
        """,
        (to_column(folder_path or "/"), to_column(name)),
    ).fetchone()
    return None if row is None else row[0]


def set_content(connection: Connection, file_id: int, content_id: int | None) -> None:
    """Say which content a file has; None where its bytes are no photo."""
    connection.execute("update files set content_id = ? where id = ?", (content_id, file_id))


def missing_twin(connection: Connection, content_id: int) -> int | None:
    """A file that has a content and is missing, if there is one."""
    row = connection.execute(
        "select id from files where content_id = ? and state = 'missing' limit 1", (content_id,)
    ).fetchone()
    return None if row is None else int(row[0])


def present_twins(
    connection: Connection, content_id: int, file_id: int, limit: int
) -> list[tuple[int, str]]:
    """Ids and paths of other files that have the same content and were there at the last look."""
    rows = connection.execute(
        """
        select files.id, folders.path, name from files
        join folders on folders.id = files.folder_id
        where content_id = ? and files.id != ? and state = 'present' limit ?
        """,
        (content_id, file_id, limit),
    )
    return [(id_, joined(path, name)) for id_, path, name in rows]


@dataclass(frozen=True, slots=True)
class FilePlace:
    """Where a file with some content is, or was when its disk was last there."""

    path: str
    offline: bool


def places_of(
    connection: Connection, content_ids: Sequence[int], *, offline: bool = False
) -> dict[int, list[FilePlace]]:
    """Where contents are to be found, by content id: what is there first, then in the order of paths.

    Args:
        connection: The index.
        content_ids: The contents.
        offline: Whether files on disks that are not there count.
    """
    states = ("present", "offline") if offline else ("present",)
    rows = connection.execute(
        f"""
        select content_id, folders.path, name, state from files
        join folders on folders.id = files.folder_id
        where content_id in ({",".join("?" * len(content_ids))})
        """,
        content_ids,
    )
    found: dict[int, list[FilePlace]] = {content_id: [] for content_id in content_ids}
    for content_id, folder, name, state in rows:
        if state in states:
            found[content_id].append(FilePlace(joined(folder, name), state == "offline"))
    for places in found.values():
        places.sort(key=lambda place: (place.offline, place.path))
    return found


def present_contents(connection: Connection) -> list[int]:
    """The ids of the contents that some file has which was there at the last look, in their order."""
    rows = connection.execute(
        """
        select distinct content_id from files
        where state = 'present' and content_id is not null order by content_id
        """
    )
    return [content_id for (content_id,) in rows]


def counts_by_state(connection: Connection) -> dict[str, int]:
    """How many files there are that were read, by state."""
    return dict(
        connection.execute(
            "select state, count(*) from files where content_id is not null group by state"
        ).fetchall()
    )


def delete_file(connection: Connection, file_id: int) -> None:
    """Remove a file; its content stays until the end of the pass finds that no file has it."""
    connection.execute("delete from files where id = ?", (file_id,))


def forget_missing(connection: Connection, after_days: int) -> int:
    """Remove the files that have been missing for longer than so many days; returns how many."""
    cursor = connection.execute(
        "delete from files where state = 'missing' and missing_since <= ?", (days_ago(after_days),)
    )
    return cursor.rowcount
