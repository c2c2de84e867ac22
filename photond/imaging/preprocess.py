"""Resizes a picture to the square that an image tower is shown."""

from dataclasses import dataclass
from typing import Literal

from PIL import Image

_LONGEST_RATIO = 16

RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What an image tower wants to be given; a model pack states it.

    Args:
        size: Width and height of the tower's input, in pixels.
        resize: `"squash"` takes the whole picture and changes its proportions; `"crop"` keeps them and
            cuts off what is beyond the central square.
        resampling: The filter of the resize.
        mean: What is subtracted from red, green and blue, on the scale 0 to 1.
        std: What red, green and blue are then divided by.
    """

    size: int
    resize: Literal["squash", "crop"]
    resampling: Literal["bilinear", "bicubic", "lanczos"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def to_square(image: Image.Image, spec: InputSpec) -> Image.Image:
    """The square of a picture that a tower is shown.

    With `"squash"` the picture is resized to the square at once, as `SiglipImageProcessor` does. With
    `"crop"` its shorter side is resized to `size` and the longer one to `int(size * long / short)`,
    then the centre is cut out, as `CLIPImageProcessor` does.

    Args:
        image: Mode RGB, of any size above zero.
        spec: What the tower wants.
    """
    return _squash(image, spec) if spec.resize == "squash" else _crop(image, spec)


def _squash(image: Image.Image, spec: InputSpec) -> Image.Image:
    return image.resize((spec.size, spec.size), RESAMPLING[spec.resampling])


def _crop(image: Image.Image, spec: InputSpec) -> Image.Image:
    image = _without_far_ends(image)
    width, height = image.size
    short, long = min(width, height), max(width, height)
    # Truncated, not rounded, since the processors of the models that were trained this way do so.
    longer = int(spec.size * long / short)
    scaled = (spec.size, longer) if width <= height else (longer, spec.size)
    left = (scaled[0] - spec.size) // 2
    top = (scaled[1] - spec.size) // 2
    resized = image.resize(scaled, RESAMPLING[spec.resampling])
    return resized.crop((left, top, left + spec.size, top + spec.size))


def _without_far_ends(image: Image.Image) -> Image.Image:
    """A very long picture without what is cut off anyway; resizing 20,000 x 4 pixels takes a gigabyte.

    Far more is left than the central square, so that no pixel of it can tell.
    """
    width, height = image.size
    keep = _LONGEST_RATIO * min(width, height)
    if max(width, height) <= keep:
        return image
    left, top = max(0, (width - keep) // 2), max(0, (height - keep) // 2)
    return image.crop((left, top, min(width, left + keep), min(height, top + keep)))
