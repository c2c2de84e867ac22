"""Small pictures of photos, made by several threads and handed on in the photos' order."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from PIL import Image

from photond.cli.photo import Photo
from photond.config.settings import Settings
from photond.errors import PictureError
from photond.imaging.decoder import Decoder, StartError
from photond.imaging.decoders import Decoders
from photond.pipeline.inputs import max_bytes, new_decoder
from photond.pipeline.read import read_photo

Made = TypeVar("Made")

_MAX_THREADS = 4


def thumbnail(
    photo: Photo, size: tuple[int, int], settings: Settings, decoder: Decoder
) -> Image.Image:
    """A photo, upright, in RGB, and small.

    Args:
        photo: Any that can be indexed: JPEG, HEIC, RAW, ….
        size: How wide and high it may be, in pixels; it keeps its proportions and is not enlarged.
        settings: What a photo may cost.
        decoder: The calling thread's.

    Raises:
        PictureError: There is none to be had; its reason is a few words for its place: "cannot be read".
    """
    if photo.is_offline:
        # Not even looked for: a disk of the network may take minutes to say that it is not there.
        raise PictureError("disk not there")
    try:
        read = read_photo(photo.path, max_bytes(settings), decoder.room)
        return decoder.thumbnail(read.data, photo.path, size).image
    except FileNotFoundError:
        raise PictureError("not there any more") from None
    except (PictureError, StartError) as error:
        raise PictureError("cannot be read") from error


def made_ahead(
    photos: Iterator[Photo], make: Callable[[Photo, Decoder], Made], settings: Settings
) -> Iterator[tuple[Photo, Made]]:
    """What is made of photos in threads, some photos ahead of the one that is handed on.

    Args:
        photos: They are read a few at a time, as what is made of them is taken.
        make: What to do with a photo and the decoder of the thread; what it raises is raised here.
        settings: What a photo may cost.
    """
    threads = min(_MAX_THREADS, len(os.sched_getaffinity(0)))
    waiting: deque[tuple[Photo, Future[Made]]] = deque()
    decoders = Decoders(lambda: new_decoder(settings))
    pool = ThreadPoolExecutor(threads, thread_name_prefix="photond-thumbnail")
    try:
        for photo in photos:
            waiting.append((photo, pool.submit(lambda one: make(one, decoders.own), photo)))
            if len(waiting) > 2 * threads:
                first, made = waiting.popleft()
                yield first, made.result()
        while waiting:
            first, made = waiting.popleft()
            yield first, made.result()
    finally:
        pool.shutdown(cancel_futures=True)
        decoders.close()
