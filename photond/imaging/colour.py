"""Colours as a viewer would show them: every mode and profile to sRGB."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_Pixels = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]

_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_PHOTOMETRIC = 262
_WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
# How much of a deep picture is converted at a time.
_STRIP_PIXELS = 1 << 20
# The colour space that a profile must be of, by the mode of the pixels.
_PROFILE_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}


def flatten(image: Image.Image) -> Image.Image:  # noqa: PLR0911 - one return a kind of mode
    """A picture of any mode as one with 8 bits a channel and no palette: L, LA, RGB, RGBA, CMYK or LAB.

    Deeper pictures are scaled, where Pillow's own conversion would clip them to white.
    """
    if image.mode in _SIXTEEN_BIT:
        # TIFF's "white is zero", which Pillow minds in 8 bits only.
        is_negative = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0
        return _to_grey(image, lambda deep: (deep >> 8) ^ (0xFF if is_negative else 0))
    if image.mode in {"I", "F"}:
        return _to_grey(image, _scaling(image))
    if image.mode == "1":
        return image.convert("L")
    if image.mode in {"P", "PA"} or "transparency" in image.info:
        has_alpha = image.mode == "PA" or "transparency" in image.info
        return image.convert("RGBA" if has_alpha else "RGB")
    if image.mode in {"La", "RGBa"}:
        return image.convert("RGBA" if image.mode == "RGBa" else "LA")
    if image.mode in {"L", "LA", "RGB", "RGBA", "CMYK", "LAB"}:
        return image
    return image.convert("RGB")


def to_rgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """A flattened picture in sRGB, without transparency.

    Args:
        image: What `flatten` returns.
        icc_profile: The file's profile; one that is broken or of another kind of colour is ignored.
    """
    if image.mode in _WITH_ALPHA:
        colour = to_rgb(image.convert("RGB"), icc_profile)
        # White is what pages and most viewers show behind a transparent picture.
        page = Image.new("RGB", image.size, "white")
        page.paste(colour, mask=image.getchannel("A"))
        return page
    if image.mode == "LAB":
        return _through_profile(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    if icc_profile:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
            space = profile.profile.xcolor_space.strip()
            description = ImageCms.getProfileDescription(profile)
            if space == _PROFILE_SPACES.get(image.mode) and "sRGB" not in description:
                return _through_profile(image, profile)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image.convert("RGB")


def _through_profile(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(
        image,
        profile,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
        outputMode="RGB",
    )
    assert converted is not None  # only in-place conversion returns nothing
    return converted


def _scaling(image: Image.Image) -> _Pixels:
    """How whole or floating numbers become 0 to 255, by the range that they are evidently of."""
    lowest, highest = zip(*((part.min(), part.max()) for _, part in _strips(image)), strict=True)
    low, high = min(float(min(lowest)), 0.0), float(max(highest))
    # Floats of 0 to 1 and integers of 8 or 16 bits are the ranges that programs write.
    steps = (1.0,) if image.mode == "F" else (255.0, 65_535.0)
    top = next((step for step in steps if high <= step), high)
    scale = 255.0 / (top - low) if top > low else 0.0
    return lambda values: ((values - low) * scale).clip(0, 255)


def _to_grey(image: Image.Image, convert: _Pixels) -> Image.Image:
    """A deep picture of one channel in 8 bits, through a function of its values to 0 to 255."""
    grey = np.empty((image.height, image.width), np.uint8)
    for top, part in _strips(image):
        grey[top : top + len(part)] = convert(part)
    return Image.fromarray(grey)


def _strips(image: Image.Image) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """The rows of a deep picture, some at a time, each time with the number of the first.

    All of them at once would take many times what the picture takes. Whole numbers of 16 bits are
    uint16, all else is float64 with zeros for what is no finite number.
    """
    rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        values = np.asarray(strip)
        if image.mode in _SIXTEEN_BIT:
            yield top, values.astype(np.uint16)
        else:
            yield top, np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
