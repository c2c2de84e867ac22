"""Pictures of one channel with more than 8 bits, of which Pillow would clip all above 255 to white."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

_Pixels = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]

# Integers of 32 bits and floats; the other deep modes are all of 16 bits.
_WIDE = ("I", "F")
_PHOTOMETRIC = 262
# How much of a picture is converted at a time.
_STRIP_PIXELS = 1 << 20


def to_grey(image: Image.Image) -> Image.Image:
    """A deep picture in mode L.

    Args:
        image: Of one of the modes I, F and I;16.
    """
    if image.mode in _WIDE:
        return _converted(image, _scaling(image))
    # TIFF's "white is zero", which Pillow minds in 8 bits only.
    is_negative = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0
    return _converted(image, lambda deep: (deep >> 8) ^ (0xFF if is_negative else 0))


def _scaling(image: Image.Image) -> _Pixels:
    """How whole or floating numbers become 0 to 255, by the range that they are evidently of."""
    lowest, highest = zip(*((part.min(), part.max()) for _, part in _strips(image)), strict=True)
    low, high = min(float(min(lowest)), 0.0), float(max(highest))
    # Floats of 0 to 1 and integers of 8 or 16 bits are the ranges that programs write.
    steps = (1.0,) if image.mode == "F" else (255.0, 65_535.0)
    top = next((step for step in steps if high <= step), high)
    scale = 255.0 / (top - low) if top > low else 0.0
    return lambda values: ((values - low) * scale).clip(0, 255)


def _converted(image: Image.Image, convert: _Pixels) -> Image.Image:
    """A deep picture in 8 bits, through a function of its values to 0 to 255."""
    grey = np.empty((image.height, image.width), np.uint8)
    for top, part in _strips(image):
        grey[top : top + len(part)] = convert(part)
    return Image.fromarray(grey)


def _strips(image: Image.Image) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """The rows of a picture, some at a time, each time with the number of the first.

    All of them at once would take many times what the picture takes. Whole numbers of 16 bits are
    uint16, all else is float64 with zeros for what is no finite number.
    """
    rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        values = np.asarray(strip)
        if image.mode in _WIDE:
            yield top, np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        else:
            yield top, values.astype(np.uint16)
