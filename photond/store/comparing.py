"""Whether the copy of a pack's vectors says what the index says."""

from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photond.store import changes, embeddings
from photond.store.database import Connection
from photond.store.embeddings import Embedding
from photond.store.vector_file import (
    Block,
    Ids,
    NoVectorFileError,
    VectorFile,
    sums_of,
    vector_file,
)
from photond.store.vector_layout import BLOCK_ROWS

# Of `lost`, which is summed in float32.
_ROUNDING = 1e-5

_Places = npt.NDArray[np.intp]


def what_is_wrong(connection: Connection, database: Path, pack_id: int) -> str:
    """What the copy of a pack's vectors says that is not so; empty if there is nothing.

    A copy that lags is held against what it covers by its position in the log of changes. One of another
    history of the index, such as from before a backup was put back, is used by nobody and not looked at;
    nor is one that somebody is about to make.

    Args:
        connection: The index, in a snapshot.
        database: Its file.
        pack_id: A pack whose tables agree.
    """
    path = vector_file(database, pack_id)
    try:
        if not path.lstat().st_size:
            return ""
        file = VectorFile(path)
    except FileNotFoundError:
        return ""
    except NoVectorFileError:
        return "is not whole"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    with closing(file):
        if file.header.dimension != embeddings.dimension_of(connection, pack_id):
            return "has vectors of another dimension"
        return _compared(connection, pack_id, file)


def _compared(connection: Connection, pack_id: int, file: VectorFile) -> str:
    state, changed = changes.current(connection, pack_id), np.empty(0, np.int64)
    if not file.knows(state):
        state = file.header.sequence
        noted = changes.since(connection, pack_id, state)
        if noted is None:
            return ""
        changed = np.unique([change.content_id for change in noted]).astype(np.int64)
    (places,) = np.nonzero((file.column("since") <= state) & (file.column("until") > state))
    ids = file.column("ids")[places]
    stored = embeddings.all_ids(connection, pack_id)
    # What came or went since the state of the copy, the index does not have as it was then.
    is_same = ~np.isin(ids, changed)
    ids, places = ids[is_same], places[is_same]
    if not np.array_equal(np.sort(ids), np.sort(stored[~np.isin(stored, changed)])):
        return "has vectors of other photos"
    order = np.argsort(ids)
    wrong = 0
    for some, vectors in embeddings.all_embeddings(connection, pack_id):
        known = np.isin(some, ids)
        at = places[order[np.searchsorted(ids, some[known], sorter=order)]]
        wrong += _count_wrong(file.blocks(), at, vectors[known])
    return f"has {wrong} vectors of {len(ids)} wrong" if wrong else ""


def _count_wrong(blocks: list[Block], places: _Places, vectors: Embedding) -> int:
    """How many rows, at places of the file, are not of these vectors or not within their bounds."""
    numbers: Ids = places // BLOCK_ROWS
    wrong = 0
    for number in np.unique(numbers).tolist():
        block, (here,) = blocks[number], np.nonzero(numbers == number)
        slots = places[here] % BLOCK_ROWS
        copied = block.vectors[slots]
        # As bits, for a sum of squares hides a sign; and what is not a number is unequal to itself.
        is_right = (copied.view("<u4") == vectors[here].view("<u4")).all(axis=1)
        is_right &= sums_of(copied) == block.sums[slots]
        with np.errstate(over="ignore", invalid="ignore"):
            rest = block.codes[slots] * block.scales[slots, np.newaxis] - vectors[here]
            is_right &= np.linalg.norm(rest, axis=1) <= block.lost[slots] + _ROUNDING
        wrong += int((~is_right).sum())
    return wrong
