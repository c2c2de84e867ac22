"""The files that have the same content."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from photond.store.database import Connection
from photond.store.paths import joined

# SQLite binds some thousands of values.
_CONTENTS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class StoredCopy:
    """A file that has a content, as the index has it.

    Attributes:
        path: Absolute.
        size: In bytes.
        mtime_ns: Time of the last modification, nanoseconds since 1970.
        state: "present", "missing" or "offline".
        is_waiting: Whether it is still to be read, because it has changed, for example: size and time
            are those of the file as it is, the content is what it was.
    """

    path: str
    size: int
    mtime_ns: int
    state: str
    is_waiting: bool


def repeated_contents(connection: Connection) -> list[int]:
    """The ids of the contents that several files have which were there at the last look."""
    rows = connection.execute(
        """
        select content_id from files where state = 'present' and content_id is not null
        group by content_id having count(*) > 1
        """
    )
    return [content_id for (content_id,) in rows]


def copies_of(connection: Connection, content_ids: Sequence[int]) -> dict[int, list[StoredCopy]]:
    """All files of contents, wherever they are, by content id and in the order of their paths."""
    found: defaultdict[int, list[StoredCopy]] = defaultdict(list)
    for start in range(0, len(content_ids), _CONTENTS_AT_ONCE):
        some = content_ids[start : start + _CONTENTS_AT_ONCE]
        rows = connection.execute(
            f"""
            select content_id, folders.path, name, size, mtime_ns, files.state, jobs.state is not null
            from files
            join folders on folders.id = folder_id
            left join jobs on jobs.file_id = files.id
            where content_id in ({",".join("?" * len(some))})
            """,
            some,
        )
        for content_id, folder, name, size, mtime_ns, state, is_waiting in rows:
            path = joined(folder, name)
            found[content_id].append(StoredCopy(path, size, mtime_ns, state, bool(is_waiting)))
    for copies in found.values():
        copies.sort(key=lambda copy: copy.path)
    return dict(found)
