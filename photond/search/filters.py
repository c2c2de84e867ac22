"""Filters: which photos a search may return at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from photond.store.paths import below

# Photos that do not say when they were taken (screenshots, scans) count as of when the file was made.
TAKEN_AT = (
    "coalesce(contents.taken_at, "
    "strftime('%Y-%m-%dT%H:%M:%S', files.mtime_ns / 1000000000, 'unixepoch', 'localtime'))"
)


@dataclass(frozen=True, slots=True)
class Filters:
    """What photos must be like to be found.

    Attributes:
        folders: They lie below one of these, absolute paths; empty for anywhere.
        since: Taken at that moment or later, local wall time.
        before: Taken before that moment.
        tags: They have each of these tags; one that starts with `!` they must not have.
        is_not: The id of a content that is left out, such as the example itself.
    """

    folders: Sequence[str] = ()
    since: datetime | None = None
    before: datetime | None = None
    tags: Sequence[str] = ()
    is_not: int | None = None

    def condition(self, pack_id: int) -> tuple[str, list[object]]:
        """A query for the ids of the contents that pass, and the values to bind to it."""
        clauses = ["files.state = 'present'", "files.content_id is not null"]
        values: list[object] = []
        if self.folders:
            conditions = [below("folders.path", folder) for folder in self.folders]
            clauses.append("(" + " or ".join(clause for clause, _ in conditions) + ")")
            values += [value for _, bound in conditions for value in bound]
        if self.since is not None:
            clauses.append(f"{TAKEN_AT} >= ?")
            values.append(self.since.isoformat(timespec="seconds"))
        if self.before is not None:
            clauses.append(f"{TAKEN_AT} < ?")
            values.append(self.before.isoformat(timespec="seconds"))
        for tag in self.tags:
            wanted = "not in" if tag.startswith("!") else "in"
            clauses.append(
                f"files.content_id {wanted} (select content_id from tags "
                "join labels on labels.id = label_id where pack_id = ? and labels.name = ?)"
            )
            values += [pack_id, tag.removeprefix("!").strip().lower()]
        if self.is_not is not None:
            clauses.append("files.content_id != ?")
            values.append(self.is_not)
        joins = ""
        if self.folders:
            joins += "join folders on folders.id = files.folder_id "
        if self.since is not None or self.before is not None:
            joins += "join contents on contents.id = files.content_id "
        return f"select content_id from files {joins}where {' and '.join(clauses)}", values
