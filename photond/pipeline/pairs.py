"""Pictures, and the text that belongs to each: those that photond knows, or the user's own."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photond.errors import PictureError, UsageError
from photond.imaging.decode import decode
from photond.imaging.formats import is_photo_name
from photond.imaging.picture import Limits
from photond.imaging.tensor import to_tensor
from photond.models.pack import ImageSpec
from photond.pipeline.inputs import input_spec

# What the pictures in photond/alignment/ show, in words that any model of everyday photos has.
KNOWN = {"cat.jpg": "a cat", "coffee.jpg": "a cup of coffee", "sunflowers.jpg": "sunflowers"}
# More would be a matrix that nobody reads.
_MOST_PICTURES = 200
# One thing alone is always the likest.
_LEAST_KINDS = 2
_ENDING = re.compile(r"[\s\d]+$")


@dataclass(frozen=True, slots=True)
class Pairs:
    """n pictures as a tower takes them, and m texts.

    Attributes:
        names: Of the pictures.
        pixels: float32 of shape (n, 3, size, size), scaled as the pack says.
        texts: Different from each other, without a prompt.
        own: Of each picture, which text belongs to it: n indices below m.
    """

    names: tuple[str, ...]
    pixels: npt.NDArray[np.float32]
    texts: tuple[str, ...]
    own: tuple[int, ...]


def known_pairs(image: ImageSpec) -> Pairs:
    """The pictures that come with photond, each with its own text, in the order of `KNOWN`."""
    folder = resources.files("photond").joinpath("alignment")
    return _pairs(
        ((name, folder.joinpath(name).read_bytes(), text) for name, text in KNOWN.items()),
        image,
        Limits(),
    )


def pairs_in(folder: Path, image: ImageSpec, limits: Limits) -> Pairs:
    """The user's pictures, whose text is in their names: `beach.jpg`, `dog_2.jpg`, `red car/a.jpg`.

    Args:
        folder: Pictures named by what they show, or sub-folders named by what their pictures show.
        image: The image tower's wishes.
        limits: What one picture may cost.

    Raises:
        UsageError: There is no such folder, it shows fewer than two different things or too many
            pictures, a picture's name says nothing, or one cannot be read.
    """
    try:
        files = _named_pictures(folder)
        _check(folder, files)
        return _pairs(
            (
                (str(path.relative_to(folder)), path.read_bytes(), text)
                for path, text in files.items()
            ),
            image,
            limits,
        )
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from error
    except PictureError as error:
        raise UsageError(f"a picture in {folder} cannot be read: {error}") from error


def text_of(name: str) -> str:
    """What a file's or folder's name says: `red-car_02` says "red car"."""
    # Bytes that are no text say nothing.
    words = os.fsencode(name).decode("utf-8", "ignore").replace("_", " ").replace("-", " ")
    return " ".join(_ENDING.sub("", words).split())


def _check(folder: Path, files: Mapping[Path, str]) -> None:
    if len(files) > _MOST_PICTURES:
        raise UsageError(f"{folder} has {len(files)} pictures", f"{_MOST_PICTURES} are the most.")
    for path, text in files.items():
        if not text:
            raise UsageError(f"the name of {path} does not say what is in it")
    kinds = len(set(files.values()))
    if kinds < _LEAST_KINDS:
        raise UsageError(
            f"the pictures in {folder} are of {kinds} kinds, by their names",
            f"{_LEAST_KINDS} are the least: beach.jpg and dog.jpg, for example.",
        )


def _named_pictures(folder: Path) -> dict[Path, str]:
    """Pictures in a folder and in the folders directly below it, each with its text."""
    files = {path: text_of(path.stem) for path in _pictures(folder)}
    for below in sorted(folder.iterdir()):
        if below.is_dir() and not below.name.startswith("."):
            files |= dict.fromkeys(_pictures(below), text_of(below.name))
    return files


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if is_photo_name(path.name) and not path.name.startswith(".") and path.is_file()
    )


def _pairs(pictures: Iterable[tuple[str, bytes, str]], image: ImageSpec, limits: Limits) -> Pairs:
    """Decode pictures, given as name, bytes and text."""
    spec = input_spec(image)
    names, tensors, texts = [], [], []
    for name, data, text in pictures:
        try:
            picture = decode(data, name=name, min_side=spec.size, limits=limits)
        except PictureError as error:
            raise PictureError(f"{name}: {error.reason}") from error
        names.append(name)
        tensors.append(to_tensor(picture.image, spec))
        texts.append(text)
    kinds = tuple(dict.fromkeys(texts))
    own = tuple(kinds.index(text) for text in texts)
    return Pairs(tuple(names), np.stack(tensors), kinds, own)
