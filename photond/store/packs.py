"""Packs: which models the index has embeddings of, and which of them answers.

One pack serves: queries use its embeddings alone. Another one may be building beside it; when it has
every photo that can be read, it takes over in one transaction, so that no query ever finds less than
before.
"""

from dataclasses import dataclass
from typing import Literal

from photond.store import changes
from photond.store.clock import now
from photond.store.database import Connection, database_file
from photond.store.embeddings import (
    create_table,
    delete_pack_embeddings,
    drop_table,
    embedded_contents,
)
from photond.store.vector_file import remove_vector_file

PackState = Literal["building", "serving", "retired", "kept"]


@dataclass(frozen=True, slots=True)
class StoredPack:
    """A pack whose embeddings the index holds.

    Attributes:
        name: As it was called when it was first used.
        fingerprint: Of its embedding space.
        state: "building", "serving", "retired" (replaced, its embeddings go as the serving pack has
            them) or "kept" (replaced, and kept because the user said so).
        tagging_fingerprint: Of what its tags were made with; None while not all photos have theirs.
        learnt_from: How many photos its label thresholds were learnt from; None if they were not.
    """

    id: int
    name: str
    fingerprint: str
    state: PackState
    tagging_fingerprint: str | None
    learnt_from: int | None


_COLUMNS = "id, name, fingerprint, state, tagging_fingerprint, learnt_from"


def find_pack(connection: Connection, fingerprint: str) -> StoredPack | None:
    """The pack with a fingerprint, if anything was ever indexed with it."""
    row = connection.execute(
        f"select {_COLUMNS} from packs where fingerprint = ?", (fingerprint,)
    ).fetchone()
    return None if row is None else StoredPack(*row)


def serving_pack(connection: Connection) -> StoredPack | None:
    """The pack whose embeddings answer; None before anything was indexed."""
    row = connection.execute(f"select {_COLUMNS} from packs where state = 'serving'").fetchone()
    return None if row is None else StoredPack(*row)


def all_packs(connection: Connection) -> list[StoredPack]:
    """Every pack that the index has embeddings of, the oldest first."""
    return [StoredPack(*row) for row in connection.execute(f"select {_COLUMNS} from packs")]


def add_pack(connection: Connection, name: str, fingerprint: str, dimension: int) -> StoredPack:
    """Make a pack known and give it a table for its embeddings; the first one serves at once."""
    state = "building" if serving_pack(connection) else "serving"
    connection.execute(
        """
        insert into packs (name, fingerprint, embedding_dimension, state, added_at)
        values (?, ?, ?, ?, ?)
        """,
        (name, fingerprint, dimension, state, now()),
    )
    pack = find_pack(connection, fingerprint)
    assert pack is not None
    create_table(connection, pack.id, dimension)
    changes.begin(connection, pack.id)
    return pack


def set_tagging_fingerprint(connection: Connection, pack_id: int, fingerprint: str | None) -> None:
    """Remember what the tags of a pack's embeddings were made with; None: not all with the same."""
    connection.execute(
        "update packs set tagging_fingerprint = ? where id = ?", (fingerprint, pack_id)
    )


def count_lacking(connection: Connection, pack_id: int) -> int:
    """How many photos are still to be embedded with a pack.

    Photos that could not be read, and such on a disk that is not there, do not count: they may stay
    away for ever.
    """
    row = connection.execute(
        f"""
        select count(*) from files
        left join jobs on jobs.file_id = files.id
        left join {embedded_contents(pack_id)} as embeddings on embeddings.rowid = content_id
        where files.state = 'present' and embeddings.rowid is null
          -- A companion has nothing to be embedded.
          and not (companion_of is not null and content_id is null and jobs.state is null)
          and (jobs.state is null or jobs.state in ('queued', 'running', 'suspect'))
        """
    ).fetchone()
    return int(row[0])


def hand_over(connection: Connection, pack_id: int, *, keep_old: bool) -> None:
    """Let a pack answer from now on, in place of the one that did.

    Args:
        connection: The index, in a transaction.
        pack_id: The pack that takes over.
        keep_old: Keep all that the other one has, so that going back to it costs nothing.
    """
    connection.execute(
        "update packs set state = ? where state = 'serving'", ("kept" if keep_old else "retired",)
    )
    connection.execute("update packs set state = 'serving' where id = ?", (pack_id,))


def prune_retired(connection: Connection) -> None:
    """Remove of retired packs what the serving one has as well.

    What it lacks are photos on a disk that is not there, or that cannot be read just now.
    """
    serving = serving_pack(connection)
    if serving is None:
        return
    served = f"select rowid from {embedded_contents(serving.id)}"
    retired = connection.execute("select id from packs where state = 'retired'").fetchall()
    for (pack_id,) in retired:
        still_needed = connection.execute(
            f"""
            select 1 from {embedded_contents(pack_id)} where rowid not in ({served}) limit 1
            """
        ).fetchone()
        if still_needed is None:
            remove_pack(connection, pack_id)
            continue
        superseded = connection.execute(
            f"select rowid from {embedded_contents(pack_id)} where rowid in ({served})"
        ).fetchall()
        delete_pack_embeddings(connection, pack_id, (id_ for (id_,) in superseded))
        # Should the pack be chosen again, its photos are compared one by one.
        connection.execute("delete from listings where pack_id = ?", (pack_id,))


def remove_pack(connection: Connection, pack_id: int) -> None:
    """Forget a pack with all that was computed with it."""
    drop_table(connection, pack_id)
    # Whether or not this is committed: it is made again where it is needed.
    remove_vector_file(database_file(connection), pack_id)
    connection.execute("delete from packs where id = ?", (pack_id,))
