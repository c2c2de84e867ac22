"""Filters: which photos a search may return at all."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from photond.search.question import Orientation, Place
from photond.store.paths import below
from photond.store.selection import Condition
from photond.store.tags import tagged_contents
from photond.vocabulary.concepts import Vocabulary

_EARTH_KILOMETRES: Final = 6371.0088  # mean radius, IUGG
_KILOMETRES_PER_DEGREE: Final = math.pi * _EARTH_KILOMETRES / 180
# What a photo is tells more of them apart than that it is there, so `contents` is read first.
_BY_CONTENT: Final = "from contents cross join files on files.content_id = contents.id"
_BY_FOLDER: Final = "from files join contents on contents.id = files.content_id"
_ORIENTATIONS = {
    "portrait": "width < height",
    "landscape": "width > height",
    "square": "width = height",
}


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
        folders: They lie below one of these, absolute paths, or of `folder_names`; empty for anywhere.
        folder_names: They lie below a folder with one of these names, or with one of these paths at the
            end of its own, the case of ASCII letters aside.
        since: Taken at that moment or later, local wall time. Photos that do not say when they were
            taken (screenshots, scans) count as of when the file was last written.
        before: Taken before that moment.
        tags: What they must be tagged with, and what they must not.
        cameras: One of these stands in the camera's name, the case aside; empty for any.
        lenses: The same of the lens.
        near: Taken there; None for anywhere.
        orientation: Their shape as displayed; None for any.
        is_not: The ids of contents that are left out, such as those of examples.
        offline: Whether photos on disks that are not there are found, too.
    """

    folders: tuple[str, ...] = ()
    folder_names: tuple[str, ...] = ()
    since: datetime | None = None
    before: datetime | None = None
    tags: tuple[TagFilter, ...] = ()
    cameras: tuple[str, ...] = ()
    lenses: tuple[str, ...] = ()
    near: Place | None = None
    orientation: Orientation | None = None
    is_not: tuple[int, ...] = ()
    offline: bool = False

    @property
    def is_selective(self) -> bool:
        """Whether any photo that is there may be left out."""
        return replace(self, is_not=(), offline=False) != Filters()

    def condition(self, pack_id: int) -> Condition:
        """A query for the ids of the contents that pass, some of them several times, and its values."""
        states = "('present', 'offline')" if self.offline else "('present')"
        clauses = [f"files.state in {states}", "files.content_id is not null"]
        values: list[object] = []
        for clause, bound in self._clauses(pack_id):
            clauses.append(f"({clause})")
            values += bound
        tables = _BY_CONTENT
        if self.folders or self.folder_names:
            tables = _BY_FOLDER
        return f"select contents.id as content_id {tables} where {' and '.join(clauses)}", values

    def _clauses(self, pack_id: int) -> Iterable[tuple[str, Sequence[object]]]:
        if self.folders or self.folder_names:
            paths = (below("folders.path", folder) for folder in self.folders)
            clause, values = _any_of([*paths, *map(_named, self.folder_names)])
            yield f"files.folder_id in (select id from folders where {clause})", values
        if self.since is not None:
            yield _taken(">=", self.since)
        if self.before is not None:
            yield _taken("<", self.before)
        for tag in self.tags:
            is_in = "in" if tag.wanted else "not in"
            yield (
                f"contents.id {is_in} ({tagged_contents(tag.labels)})",
                [pack_id, *tag.labels, *tag.labels],
            )
        for column, names in (("camera", self.cameras), ("lens", self.lenses)):
            if names:
                yield _any_of(
                    [_like(f"contents.{column}", f"%{_escaped(name)}%") for name in names]
                )
        if self.near is not None:
            yield _within(self.near)
        if self.orientation is not None:
            yield _ORIENTATIONS[self.orientation], ()
        if self.is_not:
            yield f"contents.id not in ({','.join('?' * len(self.is_not))})", self.is_not

    def takes_path(self, path: str) -> bool:
        """Whether a file is where the photos must lie."""
        folder = path.rpartition("/")[0] + "/"
        if not self.folders and not self.folder_names:
            return True
        return any(folder.startswith(one.rstrip("/") + "/") for one in self.folders) or any(
            f"/{name.strip('/')}/".lower() in folder.lower() for name in self.folder_names
        )


def _any_of(clauses: Sequence[tuple[str, Sequence[object]]]) -> tuple[str, Sequence[object]]:
    return " or ".join(clause for clause, _ in clauses), [
        one for _, bound in clauses for one in bound
    ]


def _named(name: str) -> tuple[str, Sequence[object]]:
    # A path that is no UTF-8 is a blob, which `like` passes by.
    return _like("cast(folders.path as text) || '/'", f"%/{_escaped(name.strip('/'))}/%")


def _like(column: str, pattern: str) -> tuple[str, Sequence[object]]:
    return f"{column} like ? escape '\\'", [pattern]


def _taken(comparison: str, moment: datetime) -> tuple[str, Sequence[object]]:
    # The second clause follows from the first; it spares looking at the files of most photos.
    taken = moment.isoformat(timespec="seconds")
    undated = f"contents.taken_at is null and files.mtime_ns {comparison} ?"
    may_be = f"contents.taken_at {comparison} ? or contents.taken_at is null"
    return (
        f"(contents.taken_at {comparison} ? or ({undated})) and ({may_be})",
        [taken, _nanoseconds(moment), taken],
    )


def _nanoseconds(moment: datetime) -> int:
    """A local wall time as nanoseconds since 1970, within what the database can hold."""
    try:
        seconds = int(moment.timestamp())
    except (OverflowError, ValueError, OSError):
        seconds = -(2**33) if moment.year < 1970 else 2**33  # noqa: PLR2004 - the year of the epoch
    return max(-(2**33), min(2**33, seconds)) * 10**9


def _within(circle: Place) -> tuple[str, Sequence[object]]:
    # The haversine formula; the belt of latitudes before it is what an index can tell.
    degrees = circle.kilometres / _KILOMETRES_PER_DEGREE
    haversine = """
      pow(sin(radians(latitude - ?) / 2), 2)
      + cos(radians(?)) * cos(radians(latitude)) * pow(sin(radians(longitude - ?) / 2), 2)
    """
    return (
        f"latitude between ? and ? and {2 * _EARTH_KILOMETRES} * asin(sqrt(min(1.0, {haversine}))) <= ?",
        [
            circle.latitude - degrees,
            circle.latitude + degrees,
            circle.latitude,
            circle.latitude,
            circle.longitude,
            circle.kilometres,
        ],
    )


def _escaped(text: str) -> str:
    """A text as `like` finds it letter by letter; bytes that are no text match nothing."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
