"""Perceptual hashes of photos that were indexed before photond computed them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from photond.config.settings import Settings
from photond.errors import PictureError
from photond.imaging.decoder import Decoder, StartError
from photond.imaging.decoders import Decoders
from photond.imaging.perceptual import HASH_MIN_SIDE
from photond.pipeline.engine import workers_for
from photond.pipeline.inputs import max_bytes, new_decoder
from photond.pipeline.read import read_photo
from photond.store import looks
from photond.store.database import Connection, transaction
from photond.store.looks import Unhashed

# Committed together, so that an interruption costs a second or two of work.
_BATCH_PER_WORKER = 8
_SIZE = (HASH_MIN_SIDE, HASH_MIN_SIDE)


@dataclass(frozen=True, slots=True)
class Unknown:
    """How many photos have no perceptual hash.

    Attributes:
        offline: They are on a disk that is not there.
        unreadable: They are gone or changed since the last scan, or could not be read.
        waiting: There was no time for them.
    """

    offline: int
    unreadable: int
    waiting: int


def hash_missing(
    connection: Connection,
    settings: Settings,
    on_progress: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> Unknown:
    """Read the photos that have no perceptual hash yet, and keep it.

    A daemon may be at work on the index meanwhile: each batch is one short transaction.

    Args:
        connection: The index.
        settings: The user's.
        on_progress: Told how many photos are done, of how many.
        should_stop: Asked after each batch; what is done then is kept.
    """
    count = looks.count_unhashed(connection)
    present = count.get("present", 0)
    done = unreadable = last = 0
    workers = workers_for(settings)
    most = max_bytes(settings)
    with (
        closing(Decoders(lambda: new_decoder(settings))) as decoders,
        ThreadPoolExecutor(workers) as pool,
    ):
        while batch := looks.unhashed(connection, last, workers * _BATCH_PER_WORKER):
            if should_stop():
                break
            hashes = list(pool.map(lambda one: _hash(one, most, decoders.own), batch))
            with transaction(connection):
                for one, known in zip(batch, hashes, strict=True):
                    if known is not None:
                        looks.set_perceptual_hash(connection, one.content_id, known)
            done += len(batch)
            unreadable += hashes.count(None)
            last = batch[-1].content_id
            on_progress(done, max(done, present))
    return Unknown(count.get("offline", 0), unreadable, max(0, present - done))


def _hash(one: Unhashed, most: int, decoder: Decoder) -> bytes | None:
    """What a photo looks like; None if it is not what was indexed any more, or cannot be read."""
    try:
        photo = read_photo(one.path, most, decoder.room)
        if photo.sha256 != one.sha256:
            return None
        return decoder.thumbnail(photo.data, one.path, _SIZE).perceptual_hash
    except (OSError, PictureError, MemoryError, StartError):
        return None
