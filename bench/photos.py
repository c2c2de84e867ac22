"""Photos to measure with, made from the samples: as large, as noisy and of as many kinds as people have.

A set is made once and kept. It repeats a few pictures, each time with other bytes at the end that no
decoder reads: photond takes each for a photo of its own, and what one costs does not depend on which.
"""

import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image

SAMPLES = Path(__file__).resolve().parents[1] / "samples"

_CAMERA = (4000, 3000)
_SCREEN = (1920, 1080)
# A small sensor's at a middling ISO, in grey levels; with it the files are as large as a camera's.
_NOISE = 5.0
_MAKE, _MODEL, _TAKEN_AT = 0x010F, 0x0110, 0x0132

File = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of library.

    Attributes:
        title: What is in it, in words.
        period: How many pictures differ; a whole number of periods costs the same, whichever they are.
        make: Gives one period: for each photo its suffix and its bytes.
    """

    title: str
    period: int
    make: Callable[[], Iterator[File]]


def photos(kind: str, count: int, cache: Path) -> Path:
    """The folder with `count` photos of a kind, made in `cache` if it is not there.

    Args:
        kind: Of `KINDS`.
        count: How many.
        cache: Where sets are kept between runs.
    """
    folder = cache / f"{kind}-{count}"
    if folder.is_dir():
        return folder
    unfinished = cache / f".{folder.name}"
    unfinished.mkdir(parents=True, exist_ok=True)
    files = itertools.cycle(_period(kind, cache))
    for number, (suffix, data) in zip(range(count), files, strict=False):
        path = unfinished / f"{number // 1000:03}" / f"{number:06}{suffix}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data + _mark(number))
    unfinished.rename(folder)
    return folder


def paths_in(folder: Path) -> list[Path]:
    """The photos of a set, in the order in which its kinds of pictures repeat."""
    return sorted(folder.glob("*/*"))


def _mark(number: int) -> bytes:
    """A box that HEIF lets a reader skip; behind the end of a JPEG or PNG nobody looks."""
    return b"\0\0\0\x10free" + number.to_bytes(8, "big")


def _period(kind: str, cache: Path) -> list[File]:
    folder = cache / f"{kind}-period"
    if not folder.is_dir():
        unfinished = cache / f".{folder.name}"
        unfinished.mkdir(parents=True, exist_ok=True)
        for number, (suffix, data) in enumerate(KINDS[kind].make()):
            (unfinished / f"{number:03}{suffix}").write_bytes(data)
        unfinished.rename(folder)
    return [(path.suffix, path.read_bytes()) for path in sorted(folder.iterdir())]


def _samples(count: int) -> Iterator[Image.Image]:
    paths = sorted(SAMPLES.glob("*.jpg"))
    for path in paths[:count]:
        with Image.open(path) as image:
            yield image.convert("RGB")


def _sensor_noise() -> npt.NDArray[np.float32]:
    width, height = _CAMERA
    noise = np.random.default_rng(0).standard_normal((height, width, 1), np.float32)
    return noise * np.float32(_NOISE)


def _as_taken(count: int) -> Iterator[Image.Image]:
    """Samples as a camera of 12 megapixels would have taken them."""
    noise = _sensor_noise()
    for sample in _samples(count):
        pixels = np.asarray(sample.resize(_CAMERA, Image.Resampling.BICUBIC), np.float32) + noise
        yield Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _encoded(image: Image.Image, suffix: str, **options: object) -> File:
    exif = Image.Exif()
    exif[_MAKE], exif[_MODEL], exif[_TAKEN_AT] = "photond", "bench", "2024:05:17 12:30:00"
    buffer = io.BytesIO()
    formats = {".jpg": "JPEG", ".png": "PNG", ".heic": "HEIF"}
    image.save(buffer, formats[suffix], exif=exif.tobytes(), **options)
    return suffix, buffer.getvalue()


def _camera() -> Iterator[File]:
    for image in _as_taken(12):
        yield _encoded(image, ".jpg", quality=92, subsampling="4:2:0")


def _small() -> Iterator[File]:
    for image in _samples(24):
        image.thumbnail((640, 640))
        yield _encoded(image, ".jpg", quality=85)


def _mix() -> Iterator[File]:
    """Half of them JPEGs of a camera, a quarter HEIC of a telephone, a quarter pictures of a screen."""
    pillow_heif.register_heif_opener()
    for number, image in enumerate(_as_taken(8)):
        if number % 4 == 1:
            yield _encoded(image, ".heic", quality=60)
        elif number % 4 == 3:  # noqa: PLR2004 - every fourth
            yield _encoded(image.resize(_SCREEN, Image.Resampling.BICUBIC), ".png")
        else:
            yield _encoded(image, ".jpg", quality=92, subsampling="4:2:0")


def _tiny() -> Iterator[File]:
    for image in _samples(24):
        image.thumbnail((160, 160))
        yield _encoded(image, ".jpg", quality=80)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "camera": Kind("JPEGs of 12 megapixels", 12, _camera),
        "small": Kind("JPEGs of 640 pixels", 24, _small),
        "mix": Kind("JPEG and HEIC of 12 megapixels, PNG of 2", 8, _mix),
        "tiny": Kind("JPEGs of 160 pixels", 24, _tiny),
    }
)
