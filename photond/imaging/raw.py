"""RAW files: the preview that the camera has put into them, by LibRaw."""

import io
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from PIL import Image

from photond.imaging.exif import DAMAGE, Exif, from_pillow
from photond.imaging.formats import RAW_SUFFIXES, suffix
from photond.imaging.picture import Limits

# How RAW files begin that are not simply TIFF.
_SIGNATURES = (
    b"FUJIFILMCCD-RAW",
    b"II*\0\x10\0\0\0CR",
    b"IIU\0",
    b"IIRO",
    b"IIRS",
    b"MMOR",
    b"FOVb",
    b"\0MRM",
)
HEAD_BYTES = 16
"""How much of a file `is_raw` looks at."""
_OTHER_FORMATS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM")
# LibRaw's `flip` as an EXIF orientation.
_ORIENTATIONS = MappingProxyType({3: 3, 5: 8, 6: 6})


@dataclass(frozen=True, slots=True)
class Preview:
    """The picture in a RAW file that is to be shown.

    Attributes:
        image: The bytes of a JPEG, or pixels.
        orientation: How the sensor was held, as in EXIF; for an image that does not say it itself.
        width: Of the full picture, in pixels, as the sensor was held.
        height: The same, downwards.
    """

    image: bytes | Image.Image
    orientation: int
    width: int
    height: int


def is_raw(head: bytes, name: str) -> bool:
    """Whether to try LibRaw: most RAW files are TIFF to look at, so there the name decides.

    Args:
        head: The first `HEAD_BYTES` of the file.
        name: Its name or path.
    """
    if head[4:12] == b"ftypcrx " or head.startswith(_SIGNATURES):
        return True
    return suffix(name) in RAW_SUFFIXES and not head.startswith(_OTHER_FORMATS)


def decode(data: bytes | memoryview, min_side: int, limits: Limits) -> Preview | None:
    """The preview of a RAW file, or the developed picture where the preview is too small.

    Args:
        data: The file's bytes.
        min_side: How long the preview's shorter side must be, in pixels.
        limits: A sensor with more pixels is refused.

    Returns:
        None where LibRaw does not know the file: it may still be a plain TIFF.

    Raises:
        PictureError: It has more pixels than the limit.
    """
    import rawpy  # noqa: PLC0415 - most libraries have no RAW

    try:
        with rawpy.imread(io.BytesIO(data)) as opened:
            sizes = opened.sizes
            limits.check(sizes.width, sizes.height)
            orientation = _ORIENTATIONS.get(sizes.flip, 1)
            image = _embedded(opened, min_side)
            if image is None:
                # Developed as it lies on the sensor, so that both kinds are turned alike.
                pixels = opened.postprocess(half_size=True, use_camera_wb=True, user_flip=0)
                image = Image.fromarray(pixels)
            return Preview(image, orientation, sizes.width, sizes.height)
    except rawpy.LibRawError:
        return None


def read_tiff_exif(data: bytes | memoryview) -> Exif:
    """The EXIF of a RAW file that is built as a TIFF; empty for the others."""
    exif = Image.Exif()
    try:
        exif.load(bytes(data))
    except DAMAGE:
        return Exif()
    return from_pillow(exif)


def _embedded(opened: Any, min_side: int) -> bytes | Image.Image | None:  # noqa: ANN401 - rawpy has no types
    import rawpy  # noqa: PLC0415

    try:
        thumbnail = opened.extract_thumb()
    except rawpy.LibRawError:
        return None
    if thumbnail.format == rawpy.ThumbFormat.JPEG:
        with Image.open(io.BytesIO(thumbnail.data), formats=("JPEG",)) as image:
            size = image.size
        return bytes(thumbnail.data) if min(size) >= min_side else None
    if min(thumbnail.data.shape[:2]) < min_side:
        return None
    return Image.fromarray(thumbnail.data)
