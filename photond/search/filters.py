"""Filters: which photos a search may return at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from photond.store.paths import below
from photond.store.tags import tagged_contents
from photond.vocabulary.concepts import Vocabulary

# Photos that do not say when they were taken (screenshots, scans) count as of when the file was made.
TAKEN_AT = (
    "coalesce(contents.taken_at, "
    "strftime('%Y-%m-%dT%H:%M:%S', files.mtime_ns / 1000000000, 'unixepoch', 'localtime'))"
)


@dataclass(frozen=True, slots=True)
class TagFilter:
    """One of some labels, or none of them.

    Attributes:
        labels: The labels, at least one; the case does not matter.
        wanted: Whether photos must have one of them, or must have none.
    """

    labels: tuple[str, ...]
    wanted: bool


def tag_filter(text: str, vocabulary: Vocabulary) -> TagFilter:
    """What `--tag` means: a tag with every kind of it, or, after `!`, none of them.

    Args:
        text: A tag by its name or a synonym, or a tag of the user's own.
        vocabulary: Knows the kinds.
    """
    word = " ".join(text.removeprefix("!").split())
    concept = vocabulary.find(word)
    labels = {word.casefold(): word}
    for one in (concept, *vocabulary.descendants(concept)) if concept is not None else ():
        # A user may have tagged a photo with a synonym.
        for name in (one.name, *one.synonyms):
            labels.setdefault(name.casefold(), name)
    return TagFilter(tuple(labels.values()), not text.startswith("!"))


@dataclass(frozen=True, slots=True)
class Filters:
    """What photos must be like to be found.

    Attributes:
        folders: They lie below one of these, absolute paths; empty for anywhere.
        since: Taken at that moment or later, local wall time.
        before: Taken before that moment.
        tags: What they must be tagged with, and what they must not.
        is_not: The id of a content that is left out, such as the example itself.
    """

    folders: Sequence[str] = ()
    since: datetime | None = None
    before: datetime | None = None
    tags: Sequence[TagFilter] = ()
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
            is_in = "in" if tag.wanted else "not in"
            clauses.append(f"files.content_id {is_in} ({tagged_contents(tag.labels)})")
            values += [pack_id, *tag.labels, *tag.labels]
        if self.is_not is not None:
            clauses.append("files.content_id != ?")
            values.append(self.is_not)
        joins = ""
        if self.folders:
            joins += "join folders on folders.id = files.folder_id "
        if self.since is not None or self.before is not None:
            joins += "join contents on contents.id = files.content_id "
        return f"select content_id from files {joins}where {' and '.join(clauses)}", values
