"""Selecting contents by a condition, which is a query whose one column are their ids, and its values."""

import json
from collections.abc import Collection, Iterator, Sequence

from photond.store.database import Connection

Condition = tuple[str, Sequence[object]]


def these(content_ids: Collection[int]) -> Condition:
    """The condition that some ids alone pass, however many they are."""
    return "select value from json_each(?)", [json.dumps(list(content_ids))]


def up_to(connection: Connection, condition: Condition, most: int) -> list[int] | None:
    """The ids that pass, in their order, each once; None if they are more than `most`."""
    query, values = condition
    rows = connection.execute(
        f"select distinct content_id from ({query}) limit ?", (*values, most + 1)
    ).fetchall()
    return None if len(rows) > most else sorted(content_id for (content_id,) in rows)


def of_these(
    connection: Connection, condition: Condition, content_ids: Collection[int]
) -> set[int]:
    """Those of some ids that pass a condition on `contents`."""
    query, values = condition
    among, ids = these(content_ids)
    rows = connection.execute(f"{query} and contents.id in ({among})", (*values, *ids))
    return {content_id for (content_id,) in rows}


def newest(connection: Connection, condition: Condition) -> Iterator[int]:
    """The ids that pass, each once, in the order in which the photos were taken, the last one first."""
    query, values = condition
    rows = connection.execute(
        f"""
        select id from contents
        where id in ({query})
        order by coalesce(taken_at, (
          select strftime('%Y-%m-%dT%H:%M:%S', max(mtime_ns) / 1000000000, 'unixepoch', 'localtime')
          from files where content_id = contents.id
        )) desc, id desc
        """,
        values,
    )
    return (content_id for (content_id,) in rows)
