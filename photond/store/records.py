"""One file with all that the index says of it, for people who ask."""

from dataclasses import dataclass

from photond.store.database import Connection
from photond.store.embeddings import embedded_contents
from photond.store.packs import all_packs
from photond.store.paths import from_column, to_column


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What is still to be done with a file, or could not be.

    Attributes:
        state: "queued", "running", "suspect", "failed" or "quarantined".
        reason: Why the last attempt failed, if one has.
        attempts: How often it was taken in hand without an end.
        queued_at: Since when it has been waiting, UTC, ISO 8601.
    """

    state: str
    reason: str | None
    attempts: int
    queued_at: str

    @property
    def has_failed(self) -> bool:
        """Whether nothing is tried any more, unless the file changes or the user asks."""
        return self.state in ("failed", "quarantined")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as the index has it.

    Attributes:
        size: In bytes.
        mtime_ns: Time of the last modification, nanoseconds since 1970.
        state: "present", "missing" or "offline".
        missing_since: UTC, ISO 8601, if it is missing.
        content_id: The content that it had when it was last read, or, of a companion, that of its photo;
            None if it never was read, or is no photo.
        indexed_at: When the content was first read, UTC, ISO 8601.
        job: What is still to be done with it.
        read_as: The name of the photo beside it that is read in its place, if it is a companion.
        companions: The names of the RAW files beside it that it is read for.
    """

    size: int
    mtime_ns: int
    state: str
    missing_since: str | None
    content_id: int | None
    indexed_at: str | None
    job: JobRecord | None
    read_as: str | None
    companions: tuple[str, ...]


def file_at(connection: Connection, path: str) -> FileRecord | None:
    """The file at an absolute path, if the index knows it."""
    folder, _, name = path.rpartition("/")
    row = connection.execute(
        """
        select files.id, photo.name, files.size, files.mtime_ns, files.state, files.missing_since,
          contents.id, indexed_at, jobs.state, reason, attempts, queued_at
        from files
        join folders on folders.id = files.folder_id
        left join files as photo on photo.id = files.companion_of
        left join contents on contents.id = coalesce(files.content_id, photo.content_id)
        left join jobs on jobs.file_id = files.id
        where folders.path = ? and files.name = ?
        """,
        (to_column(folder or "/"), to_column(name)),
    ).fetchone()
    if row is None:
        return None
    file_id, read_as, size, mtime_ns, state, missing_since, content_id, indexed_at, *job = row
    has_job = job[0] is not None
    beside = connection.execute(
        "select name from files where companion_of = ? and state = 'present' order by name",
        (file_id,),
    )
    return FileRecord(
        size,
        mtime_ns,
        state,
        missing_since,
        content_id,
        indexed_at,
        JobRecord(*job) if has_job else None,
        None if read_as is None else from_column(read_as),
        tuple(from_column(raw) for (raw,) in beside),
    )


def packs_with(connection: Connection, content_id: int) -> list[tuple[str, str]]:
    """The packs that a content has an embedding of: name and state, the oldest first."""
    return [
        (pack.name, pack.state)
        for pack in all_packs(connection)
        if connection.execute(
            f"select 1 from {embedded_contents(pack.id)} where rowid = ?", (content_id,)
        ).fetchone()
    ]
