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
from photond.imaging.decode import decode
from photond.pipeline.inputs import picture_limits
from photond.pipeline.read import read_photo

Made = TypeVar("Made")

_MAX_THREADS = 4


def thumbnail(photo: Photo, size: tuple[int, int], settings: Settings) -> Image.Image:
    """A photo, upright, in RGB, and small.

    Args:
        photo: Any that can be indexed: JPEG, HEIC, RAW, ….
        size: How wide and high it may be, in pixels; it keeps its proportions and is not enlarged.
        settings: What a photo may cost.

    Raises:
        PictureError: There is none to be had; its reason is a few words for its place: "cannot be read".
    """
    if photo.is_offline:
        # Not even looked for: a disk of the network may take minutes to say that it is not there.
        raise PictureError("disk not there")
    try:
        read = read_photo(photo.path, settings.index.max_megabytes * 1_000_000)
        limits = picture_limits(settings)
        picture = decode(read.data, name=photo.path, min_side=min(size), limits=limits).image
    except FileNotFoundError:
        raise PictureError("not there any more") from None
    except PictureError as error:
        raise PictureError("cannot be read") from error
    picture.thumbnail(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return picture


def made_ahead(
    photos: Iterator[Photo], make: Callable[[Photo], Made]
) -> Iterator[tuple[Photo, Made]]:
    """What is made of photos in threads, some photos ahead of the one that is handed on.

    Args:
        photos: They are read a few at a time, as what is made of them is taken.
        make: What to do with a photo; what it raises is raised here.
    """
    threads = min(_MAX_THREADS, len(os.sched_getaffinity(0)))
    waiting: deque[tuple[Photo, Future[Made]]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="photond-thumbnail")
    try:
        for photo in photos:
            waiting.append((photo, pool.submit(make, photo)))
            if len(waiting) > 2 * threads:
                first, made = waiting.popleft()
                yield first, made.result()
        while waiting:
            first, made = waiting.popleft()
            yield first, made.result()
    finally:
        pool.shutdown(cancel_futures=True)
