"""Which model pack answers a search."""

from dataclasses import dataclass
from pathlib import Path

from photond.errors import IndexDatabaseError
from photond.models.pack import Pack
from photond.models.shelf import find_by_fingerprint
from photond.store import embeddings, packs
from photond.store.database import Connection
from photond.store.packs import StoredPack


@dataclass(frozen=True, slots=True)
class Answering:
    """The model pack that answers, and what the index has of it."""

    pack: Pack
    stored: StoredPack


def answering_pack(connection: Connection, configured: Pack, models_dir: Path) -> Answering:
    """The pack that answers: the one that serves, until the configured one has every photo.

    Args:
        connection: The index.
        configured: The pack that the user chose.
        models_dir: Where the user's packs lie.

    Raises:
        IndexDatabaseError: Nothing is indexed yet, or nothing with a pack that is still there.
    """
    serving = packs.serving_pack(connection)
    chosen = packs.find_pack(connection, configured.fingerprint)
    if serving is not None and embeddings.has_embeddings(connection, serving.id):
        if serving.fingerprint == configured.fingerprint:
            return Answering(configured, serving)
        pack = find_by_fingerprint(serving.fingerprint, serving.name, models_dir)
        if pack is not None:
            return Answering(pack, serving)
    # The pack that served was deleted: what there is of the chosen one is better than nothing.
    if chosen is not None and embeddings.has_embeddings(connection, chosen.id):
        return Answering(configured, chosen)
    raise IndexDatabaseError(
        f"nothing is indexed with the model pack {configured.name!r} yet", "Run `photond index`."
    )
