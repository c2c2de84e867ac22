"""A few photos to try a model on, as its image tower takes them."""

import os
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from photond.config.settings import Settings
from photond.errors import PictureError
from photond.models.pack import ImageSpec
from photond.pipeline.inputs import input_spec, max_bytes, new_decoder, rules_of
from photond.pipeline.pairs import known_pairs
from photond.pipeline.read import read_photo
from photond.pipeline.walk import Listing, Place, walk
from photond.store import files
from photond.store.database import Connection

# So that two runs over the same photos take the same ones.
SEED = 20_240_601


@dataclass(frozen=True, slots=True)
class Sample:
    """Some photos.

    Attributes:
        origin: The "index", "given" by the user, or "known": what comes with photond.
        names: Their paths; of known ones the names.
        pixels: float32 of shape (n, 3, size, size), scaled as the pack says.
    """

    origin: Literal["index", "given", "known"]
    names: tuple[str, ...]
    pixels: npt.NDArray[np.float32]


def indexed_photos(connection: Connection) -> Iterator[str]:
    """The paths of all photos that the index knows to be there, in a random order, one a content."""
    contents = files.present_contents(connection)
    for content_id in random.Random(SEED).sample(contents, len(contents)):  # noqa: S311
        yield from (
            place.path for place in files.places_of(connection, [content_id])[content_id][:1]
        )


def photos_below(paths: Sequence[str], settings: Settings) -> list[str]:
    """The photos at absolute paths and in folders at and below them, in a random order."""
    rules = rules_of(settings)
    found: dict[str, None] = {}
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 - paths are text here, surrogates and all
            listings = (one for one in walk(Place(path, path, rules)) if isinstance(one, Listing))
            found |= {f"{one.path}/{file.name}": None for one in listings for file in one.files}
        else:
            found[path] = None
    return random.Random(SEED).sample(list(found), len(found))  # noqa: S311


def take(
    origin: Literal["index", "given"],
    paths: Iterable[str],
    count: int,
    image: ImageSpec,
    settings: Settings,
) -> Sample | None:
    """The first `count` photos that can be read; None if none can.

    Raises:
        StartError: No decoder can be started.
    """
    names, pixels = [], []
    spec = input_spec(image)
    with closing(new_decoder(settings)) as decoder:
        for path in paths:
            try:
                data = read_photo(path, max_bytes(settings), decoder.room).data
                tensor = decoder.decode(data, path, spec).pixels
            except (FileNotFoundError, PictureError):
                continue
            names.append(path)
            pixels.append(tensor)
            if len(names) == count:
                break
    return Sample(origin, tuple(names), np.stack(pixels)) if names else None


def known_photos(image: ImageSpec) -> Sample:
    """The known pictures that come with photond, for whoever has indexed nothing yet."""
    pairs = known_pairs(image)
    return Sample("known", pairs.names, pairs.pixels)
