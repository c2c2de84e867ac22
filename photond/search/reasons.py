"""Why nothing was found: which of the filters no photo passes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches

from photond.search.filters import Filters
from photond.search.question import Question
from photond.store.contents import names_of
from photond.store.database import Connection
from photond.store.selection import up_to
from photond.store.tags import tag_counts

_SHOWN = 5
_SHAPES = {"portrait": "higher than wide", "landscape": "wider than high", "square": "square"}


def reasons(
    connection: Connection, pack_id: int, question: Question, filters: Filters
) -> list[str]:
    """Sentences that say why no photo passes some filters; empty if one does.

    Args:
        connection: The index.
        pack_id: The pack whose tags count.
        question: What was asked.
        filters: What the question's filters are.
    """
    if _passes(connection, pack_id, filters):
        return []
    if not filters.offline and _passes(connection, pack_id, replace(filters, offline=True)):
        return ["what passes the filters is on disks that are not there; --offline finds it"]
    whole = Filters(offline=filters.offline)
    alone = [
        said
        for said, one in _each(connection, pack_id, question, filters, whole)
        if not _passes(connection, pack_id, one)
    ]
    return alone or ["no photo passes all of the filters at once"]


def _passes(connection: Connection, pack_id: int, filters: Filters) -> bool:
    return up_to(connection, filters.condition(pack_id), 0) is None


def _each(
    connection: Connection, pack_id: int, question: Question, filters: Filters, whole: Filters
) -> Iterator[tuple[str, Filters]]:
    """Each filter by itself, with what is to be said if no photo passes it."""
    if filters.folders or filters.folder_names:
        where = _either(question.folders)
        alone = replace(whole, folders=filters.folders, folder_names=filters.folder_names)
        yield f"no photo in the index lies in {where}", alone
    if filters.since is not None:
        yield f"no photo was taken since {question.since}", replace(whole, since=filters.since)
    if filters.before is not None:
        yield f"no photo was taken until {question.until}", replace(whole, before=filters.before)
    for asked, tag in zip(question.tags, filters.tags, strict=True):
        name = asked.removeprefix("!")
        said = (
            f"no photo has the tag {name!r}" if tag.wanted else f"every photo has the tag {name!r}"
        )
        known = [label for label, _ in tag_counts(connection, pack_id)] if tag.wanted else []
        yield said + _near_to(name, known), replace(whole, tags=(tag,))
    if filters.cameras:
        said = f"no camera's name contains {_either(filters.cameras)}"
        known = names_of(connection, "camera")
        yield said + _some_of(known), replace(whole, cameras=filters.cameras)
    if filters.lenses:
        said = f"no lens's name contains {_either(filters.lenses)}"
        known = names_of(connection, "lens")
        yield said + _some_of(known), replace(whole, lenses=filters.lenses)
    if filters.near is not None:
        yield "no photo says that it was taken there", replace(whole, near=filters.near)
    if filters.orientation is not None:
        said = f"no photo is {_SHAPES[filters.orientation]}"
        yield said, replace(whole, orientation=filters.orientation)


def _either(names: Sequence[str]) -> str:
    return " or ".join(map(repr, names))


def _near_to(name: str, known: Sequence[str]) -> str:
    """The names that may have been meant."""
    close = get_close_matches(name, known, n=_SHOWN)
    return f"; there is {_either(close)}" if close else ""


def _some_of(known: Sequence[str]) -> str:
    """The names that there are, the most frequent first."""
    if not known:
        return "; no photo says"
    more = ", ..." if len(known) > _SHOWN else ""
    return f"; there are {', '.join(map(repr, known[:_SHOWN]))}{more}"
