"""How often a JPEG goes through its whole picture: once a scan, of which it can have thousands."""

from typing import Any

from photond.errors import PictureError
from photond.imaging.picture import Limits

_START_OF_SCAN = b"\xff\xda"
# Encoders write up to some 20 scans, of any size of picture. What so many cost at the limit of pixels is
# what more of them may cost together in a smaller one.
_SCANS_AT_LIMIT = 100


def check_scans(data: memoryview, image: Any, limits: Limits) -> None:  # noqa: ANN401 - Pillow's JPEGs are not typed
    """Refuse a JPEG by its number of scans, before it is decoded.

    libjpeg takes some 0.6 ns for a pixel and a scan, however few bytes the scan has, and cannot be
    stopped between two of them.

    Args:
        data: The file.
        image: The same, opened by Pillow, and not loaded yet.
        limits: What a photo may cost.

    Raises:
        PictureError: It has too many for its size.
    """
    if "progressive" not in image.info and _has_one_scan(data, image):
        return
    # Thumbnails in the metadata count with it, which is a few more.
    scans = bytes(data).count(_START_OF_SCAN)
    if scans * image.width * image.height > _SCANS_AT_LIMIT * limits.max_pixels:
        raise PictureError(f"it has {scans:,} scans, which would take too long")


def _has_one_scan(data: memoryview, image: Any) -> bool:  # noqa: ANN401 - as above
    """Whether the first scan has all the colours, so that it is all that will be read.

    Counting the scans would take a few milliseconds with most photos.
    """
    # Pillow has stopped behind the marker of the first scan.
    start = bytes(data[: image.fp.tell()]).rfind(_START_OF_SCAN)
    return start >= 0 and data[start + 4 : start + 5] == bytes((image.layers,))
