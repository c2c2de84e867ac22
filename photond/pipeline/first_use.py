"""The first pass with a pack, before which the pack is tried out."""

from contextlib import closing
from pathlib import Path

from photond.models.pack import Pack
from photond.pipeline.alignment import try_out
from photond.store import embeddings
from photond.store.database import explained, open_index


def try_out_unless_used(pack: Pack, database: Path) -> None:
    """Try a pack out, unless the index has embeddings of it, and so it was tried out before.

    Each later pass only compares the towers' hashes, which is what can have changed since.

    Args:
        pack: The pack that the pass is to be made with.
        database: The index's file, which need not exist and is not made.

    Raises:
        ModelError: The pack cannot be used; nothing was written.
        IndexDatabaseError: There is an index, and it cannot be opened.
    """
    if database.is_file():
        with explained(database), closing(open_index(database)) as connection:
            if embeddings.find_pack(connection, pack.fingerprint) is not None:
                return
    try_out(pack)
