"""Pictures to put into files: what they show tells whether they came back upright and in colour."""

import io
import struct
from typing import Any

import numpy as np
import pillow_heif
import tifffile
from PIL import Image, ImageCms

from photond.imaging.decode import decode
from photond.imaging.picture import Limits, Picture

pillow_heif.register_heif_opener()

MIN_SIDE = 64
_PLACEHOLDER = 0x7A7B7C7D
RED, GREEN, BLUE, YELLOW = (200, 40, 40), (40, 180, 60), (40, 60, 200), (220, 210, 50)


def quadrants(width: int = 240, height: int = 160) -> Image.Image:
    """Red and green above, blue and yellow below."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = RED
    pixels[: height // 2, width // 2 :] = GREEN
    pixels[height // 2 :, : width // 2] = BLUE
    pixels[height // 2 :, width // 2 :] = YELLOW
    return Image.fromarray(pixels)


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """The colours in the middle of each quadrant, in reading order."""
    width, height = image.size
    return [
        tuple(image.getpixel((width * x // 4, height * y // 4)))  # type: ignore[arg-type]
        for y in (1, 3)
        for x in (1, 3)
    ]


def assert_close(
    found: list[tuple[int, ...]], expected: list[tuple[int, ...]], by: int = 12
) -> None:
    assert np.abs(np.array(found) - np.array(expected)).max() <= by, (found, expected)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(data: bytes, name: str = "photo.jpg", min_side: int = MIN_SIDE) -> Picture:
    return decode(data, name=name, min_side=min_side, limits=Limits())


def make_dng(preview: Image.Image | None, orientation: int = 1) -> bytes:
    """A minimal RAW file: a Bayer mosaic, as DNG 1.4 wants it, with a JPEG preview if one is given."""
    mosaic = np.full((400, 600), 2000, np.uint16)
    mosaic[:200, ::2] = 9000
    rational = 5  # TIFF's type
    tags = [
        (271, 2, 0, "Photond", True),
        (272, 2, 0, "Photond Test Camera", True),
        (274, 3, 1, orientation, True),
        (50706, 1, 4, (1, 4, 0, 0), True),
        (50707, 1, 4, (1, 1, 0, 0), True),
        (50708, 2, 0, "Photond Test Camera", True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, (0, 1, 1, 2), True),
        (50717, 3, 1, 16383, True),
        (50721, 10, 9, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1), True),
        (50728, rational, 3, (1, 1, 1, 1, 1, 1), True),
        (50778, 3, 1, 21, True),
    ]
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as tiff:
        tiff.write(mosaic, photometric=32803, extratags=tags, metadata=None)
        if preview is not None:
            # The old style of TIFF, which cameras use: where the JPEG begins, and its length.
            jpeg = encoded(preview, "JPEG")
            pointers = [(513, 4, 1, _PLACEHOLDER, True), (514, 4, 1, len(jpeg), True)]
            stub = np.zeros((16, 16, 3), np.uint8)
            tiff.write(stub, photometric="rgb", subfiletype=1, extratags=pointers, metadata=None)
    data = buffer.getvalue()
    if preview is not None:
        data = data.replace(struct.pack("<I", _PLACEHOLDER), struct.pack("<I", len(data)))
        # The preview's compression: none becomes JPEG, which tifffile cannot write by itself.
        before, _, after = data.rpartition(struct.pack("<HHII", 259, 3, 1, 1))
        data = before + struct.pack("<HHII", 259, 3, 1, 6) + after + jpeg
    return data


def swapped_profile() -> bytes:
    """A profile whose red is sRGB's blue: whoever ignores it shows wrong colours."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(data[128:132], "big")
    entries = {bytes(data[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    data[red + 4 : red + 12], data[blue + 4 : blue + 12] = (
        data[blue + 4 : blue + 12],
        data[red + 4 : red + 12],
    )
    return bytes(data).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
