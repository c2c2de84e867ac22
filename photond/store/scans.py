"""When each folder was last scanned."""

from dataclasses import dataclass

from photond.store.clock import now
from photond.store.database import Connection
from photond.store.paths import from_column, to_column


@dataclass(frozen=True, slots=True)
class Scan:
    """The last scan of a folder; times in UTC, ISO 8601, `finished_at` None if it was interrupted."""

    path: str
    started_at: str
    finished_at: str | None


def begin(connection: Connection, path: str) -> None:
    """Note that a folder is being scanned."""
    connection.execute(
        """
        insert into scans (path, started_at) values (?, ?)
        on conflict (path) do update set started_at = excluded.started_at, finished_at = null
        """,
        (to_column(path), now()),
    )


def finish(connection: Connection, path: str) -> None:
    """Note that the scan of a folder came to its end."""
    connection.execute("update scans set finished_at = ? where path = ?", (now(), to_column(path)))


def forget(connection: Connection, path: str) -> None:
    """Forget that a folder was ever scanned."""
    connection.execute("delete from scans where path = ?", (to_column(path),))


def last_scans(connection: Connection) -> list[Scan]:
    """The last scan of each folder, by path."""
    rows = connection.execute("select path, started_at, finished_at from scans")
    scans = [Scan(from_column(path), started, finished) for path, started, finished in rows]
    return sorted(scans, key=lambda scan: scan.path)
