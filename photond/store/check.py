"""Proving that an index is whole, and mending what can be mended from what is there."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import sqlean.dbapi2

from photond.store import changes, contents, vec0
from photond.store.comparing import what_is_wrong
from photond.store.database import Connection, database_file, snapshot, transaction
from photond.store.rules import count_broken, rules
from photond.store.vector_file import remove_vector_file

_MENDED_BY = "`photond db check --repair`"
_LOST = (
    "Restore a backup with `photond db restore`, or save what can be read with `photond db salvage`; "
    "`photond index` computes everything again but your own tags."
)
_MESSAGES = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with an index.

    Attributes:
        detail: What.
        remedy: What the user can do about it, as a sentence.
        can_be_mended: Whether `repair` does.
    """

    detail: str
    remedy: str
    can_be_mended: bool = True


def findings(connection: Connection) -> list[Finding]:
    """What is wrong with an index: damage to the file, and rows that contradict each other.

    One state of it is looked at, whatever is written meanwhile.
    """
    with snapshot(connection):
        return list(_findings(connection))


def mend(connection: Connection) -> tuple[list[Finding], list[Finding]]:
    """Mend an index if all that is wrong with it can be mended; a damaged file stays as it is.

    Nobody else indexes meanwhile.

    Returns:
        What was wrong, and what still is.
    """
    found = findings(connection)
    if not found or not all(finding.can_be_mended for finding in found):
        return found, found
    repair(connection)
    return found, findings(connection)


def repair(connection: Connection) -> None:
    """Mend what can be mended, in one transaction; nobody else indexes meanwhile.

    What cannot be kept is removed, and what is lacking then is queued, to be computed again.
    """
    connection.execute("reindex")
    before = connection.total_changes
    with transaction(connection):
        for pack_id in vec0.stray_tables(connection):
            vec0.drop(connection, pack_id)
        dimensions = _dimensions(connection)
        for pack_id, dimension in dimensions.items():
            is_there = not vec0.missing_tables(connection, pack_id)
            if not is_there or not vec0.examine(connection, pack_id, dimension).is_whole:
                vec0.rebuild(connection, pack_id, dimension)
        mend_rows(connection, list(dimensions))
        # None of that was noted, so what searches read of the embeddings is copied anew.
        for pack_id in dimensions if connection.total_changes != before else ():
            changes.begin_anew(connection, pack_id)
        contents.delete_unused(connection)
        # The next scan compares every photo, whatever was wrong.
        connection.execute("delete from listings")
    with snapshot(connection):
        for pack_id in dimensions:
            if what_is_wrong(connection, database_file(connection), pack_id):
                # Where it cannot be removed, it is found again.
                with suppress(OSError):
                    remove_vector_file(database_file(connection), pack_id)


def mend_rows(connection: Connection, pack_ids: Sequence[int]) -> None:
    """Mend the rows that contradict each other, in the caller's transaction.

    Args:
        connection: The index.
        pack_ids: Its packs, each of which has all its tables.
    """
    for rule in rules(connection, pack_ids):
        if count_broken(connection, rule):
            connection.execute(rule.mend)


def _findings(connection: Connection) -> Iterator[Finding]:
    try:
        yield from _damage(connection)
        yield from _contradictions(connection)
    except sqlean.dbapi2.OperationalError:
        raise  # locked, or the disk fails
    except sqlean.dbapi2.DatabaseError as error:
        yield Finding(f"damaged: {error}", _LOST, can_be_mended=False)


def _damage(connection: Connection) -> Iterator[Finding]:
    rows = connection.execute(f"pragma integrity_check({_MESSAGES})").fetchall()
    messages = [message for (message,) in rows if message != "ok"]
    # An index that disagrees with a table that is damaged as well is not made anew from that.
    is_of_indices = all("index" in message for message in messages)
    for message in messages:
        detail = "damaged: " + "; ".join(message.splitlines())
        if is_of_indices:
            yield Finding(detail, f"{_MENDED_BY} makes the index anew from its table.")
        else:
            yield Finding(detail, _LOST, can_be_mended=False)


def _contradictions(connection: Connection) -> Iterator[Finding]:
    for pack_id in vec0.stray_tables(connection):
        yield Finding(
            f"there are embeddings of a pack {pack_id} that is not known",
            f"{_MENDED_BY} removes them.",
        )
    whole = []
    names = dict(connection.execute("select id, name from packs").fetchall())
    for pack_id, dimension in _dimensions(connection).items():
        if missing := vec0.missing_tables(connection, pack_id):
            yield Finding(
                f"the pack {names[pack_id]!r} lacks the tables {', '.join(missing)}",
                f"{_MENDED_BY} makes them anew, and has photos embedded again.",
            )
            continue
        whole.append(pack_id)
        census = vec0.examine(connection, pack_id, dimension)
        yield from _vectors(census, names[pack_id])
        if census.is_whole and (
            wrong := what_is_wrong(connection, database_file(connection), pack_id)
        ):
            yield Finding(
                f"the copy of the vectors of the pack {names[pack_id]!r} {wrong}",
                f"{_MENDED_BY} removes it; the next search makes it anew.",
            )
    for rule in rules(connection, whole):
        if count := count_broken(connection, rule):
            yield Finding(rule.broken.format(count=count), f"{_MENDED_BY} {rule.remedy}.")


def _vectors(census: vec0.Census, name: str) -> Iterator[Finding]:
    again = f"{_MENDED_BY} has their photos embedded again."
    if census.lost:
        yield Finding(f"{census.lost} embeddings of the pack {name!r} cannot be read", again)
    if census.misshapen:
        yield Finding(
            f"{census.misshapen} embeddings of the pack {name!r} are not of unit length", again
        )
    if census.stray:
        yield Finding(
            f"{census.stray} vectors of the pack {name!r} belong to no embedding",
            f"{_MENDED_BY} removes them.",
        )


def _dimensions(connection: Connection) -> dict[int, int]:
    return dict(connection.execute("select id, embedding_dimension from packs").fetchall())
