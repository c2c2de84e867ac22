"""Why nothing was found: which of the filters no photo passes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Literal

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
    alone = [
        said()
        for said, one in _each(connection, pack_id, question, filters)
        if not _passes(connection, pack_id, one)
    ]
    return alone or ["no photo passes all of the filters at once"]


def _passes(connection: Connection, pack_id: int, filters: Filters) -> bool:
    return up_to(connection, filters.condition(pack_id), 0) is None


def _each(
    connection: Connection, pack_id: int, question: Question, filters: Filters
) -> Iterator[tuple[Callable[[], str], Filters]]:
    """Each filter by itself, with what is to be said if no photo passes it."""
    only = partial(replace, Filters(offline=filters.offline))
    if filters.folders or filters.folder_names:
        where = f"no photo in the index lies in {_either(question.folders)}"
        alone = only(folders=filters.folders, folder_names=filters.folder_names)
        yield partial(str, where), alone
    if filters.since is not None:
        said = f"no photo was taken since {question.since}"
        yield partial(str, said), only(since=filters.since)
    if filters.before is not None:
        said = f"no photo was taken until {question.until}"
        yield partial(str, said), only(before=filters.before)
    for asked, tag in zip(question.tags, filters.tags, strict=True):
        name = asked.removeprefix("!")
        lacking = partial(_no_tag, connection, pack_id, name)
        on_all = partial(str, f"every photo has the tag {name!r}")
        yield lacking if tag.wanted else on_all, only(tags=(tag,))
    if filters.cameras:
        yield (
            partial(_no_name, connection, "camera", filters.cameras),
            only(cameras=filters.cameras),
        )
    if filters.lenses:
        yield partial(_no_name, connection, "lens", filters.lenses), only(lenses=filters.lenses)
    if filters.near is not None:
        yield partial(str, "no photo says that it was taken there"), only(near=filters.near)
    if filters.orientation is not None:
        said = f"no photo is {_SHAPES[filters.orientation]}"
        yield partial(str, said), only(orientation=filters.orientation)


def _no_tag(connection: Connection, pack_id: int, name: str) -> str:
    known = [label for label, _ in tag_counts(connection, pack_id)]
    close = get_close_matches(name, known, n=_SHOWN)
    meant = f"; there is {_either(close)}" if close else ""
    return f"no photo has the tag {name!r}{meant}"


def _no_name(
    connection: Connection, column: Literal["camera", "lens"], names: Sequence[str]
) -> str:
    known = names_of(connection, column)
    more = ", ..." if len(known) > _SHOWN else ""
    there = f"there are {', '.join(map(repr, known[:_SHOWN]))}{more}" if known else "no photo says"
    return f"no {column}'s name contains {_either(names)}; {there}"


def _either(names: Sequence[str]) -> str:
    return " or ".join(map(repr, names))
