"""Bytes of an untrusted file to an upright picture in RGB."""

import io
import os
import struct
import threading
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from PIL import Image, PngImagePlugin, TiffImagePlugin, UnidentifiedImageError

from photond.errors import PictureError
from photond.imaging import raw
from photond.imaging.colour import flatten, to_rgb
from photond.imaging.exif import Exif, facts_of, read_exif
from photond.imaging.picture import Limits, Picture
from photond.imaging.scans import check_scans

# The limits are checked here, before anything is decoded, and are the user's to set.
Image.MAX_IMAGE_PIXELS = None
# A megabyte, as Pillow has it, is less than the XMP or the colour profile of some photos.
PngImagePlugin.MAX_TEXT_CHUNK = 16 << 20
# What Pillow warns of (odd EXIF, a palette it repaired) is of no use to anybody who has the picture.
warnings.filterwarnings("ignore", module=r"PIL\.")

# A decoder that nobody needs is only a way in.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "DIB", "AVIF")
_TIFF = (b"II*\0", b"MM\0*")
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_FORMAT_NAMES = MappingProxyType({"MPO": "JPEG", "DIB": "BMP"})

_TRANSPOSE = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
_ORIENTATION = 0x0112
_TILE_SIZE = (322, 323)  # of TIFF 6.0: width and length
# Orientations that turn the picture on its side.
_SIDEWAYS = frozenset({5, 6, 7, 8})

# How many times `min_side` a picture keeps when it is shrunk by averaging before it is resized. Three
# cannot be told from resizing the whole picture; two can.
_ROOM = 3

# What people save under a photo's name by mistake, by how it begins.
_STRANGERS: Mapping[bytes, str] = MappingProxyType(
    {
        b"%PDF": "a PDF document",
        b"PK\x03\x04": "a ZIP archive or an office document",
        b"<!do": "a web page",
        b"<htm": "a web page",
        b"<svg": "an SVG drawing",
        b"<?xm": "an XML document",
        b"8BPS": "a Photoshop document",
        b"\x1aE\xdf\xa3": "a video",
        b"RIFF": "an audio or video file",
        b"\xff\x0a": "a JPEG XL picture, which cannot be read yet",
        b"\0\0\0\x0cJXL": "a JPEG XL picture, which cannot be read yet",
        b"\x7fELF": "a program",
    }
)
# Everything that decoders have been seen to raise on hostile bytes; what it means is always the same.
_DECODER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)

# The largest profiles that are in use, of printers, have some 3 MB.
_MAX_PROFILE_BYTES = 16_000_000

_heif_lock = threading.Lock()


class _TooSlowError(Exception):
    """The time for one photo is over."""


class _Reader(io.BufferedIOBase):
    """Bytes that are read where they lie, and refuse to be after a deadline."""

    def __init__(self, data: memoryview, seconds: float) -> None:
        super().__init__()
        self._data = data
        self._position = 0
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: len(self._data)}[whence]
        if origin + offset < 0:
            raise ValueError("a position before the beginning")
        self._position = origin + offset
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        if time.monotonic() > self._deadline:
            raise _TooSlowError
        end = len(self._data) if size is None or size < 0 else self._position + size
        read = bytes(self._data[self._position : end])
        self._position += len(read)
        return read


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A picture as `Picture` has it, with its EXIF instead of the facts that are drawn from it."""

    image: Image.Image
    exif: Exif
    kind: str
    width: int
    height: int


def decode(data: bytes | memoryview, *, name: str, min_side: int, limits: Limits) -> Picture:
    """Decode a photo. Safe to call from several threads at once.

    The content decides what the file is; its name only helps to tell RAW from TIFF. Of a RAW file the
    embedded preview is taken where it is large enough. JPEGs are decoded at a reduced scale where both
    sides stay at least twice `min_side`, which costs a quarter of the time and no visible difference.

    Args:
        data: The file's bytes.
        name: Its name or path.
        min_side: How long the shorter side must be at least, in pixels, if the photo's is.
        limits: What it may cost. The time limit holds for the formats that Pillow decodes piece by
            piece (JPEG, PNG, GIF, BMP); WebP, AVIF, HEIF, compressed TIFF and RAW are decoded in one
            step and bounded by the pixel limit alone.

    Raises:
        PictureError: It is no photo, is damaged, or exceeds the limits.
    """
    if not data:
        raise PictureError("the file is empty")
    whole = memoryview(data)
    try:
        return _decode_either(whole, name, min_side, limits)
    except _TooSlowError:
        raise PictureError(f"decoding took more than {limits.max_seconds:.0f} s") from None
    except UnidentifiedImageError:
        raise PictureError(_what_it_is(whole)) from None
    except _DECODER_ERRORS as error:
        raise PictureError(_reason(error)) from error


def _decode_either(data: memoryview, name: str, min_side: int, limits: Limits) -> Picture:
    is_raw = raw.is_raw(bytes(data[: raw.HEAD_BYTES]), name)
    if is_raw and (preview := raw.decode(data, min_side, limits)):
        return _finish_raw(preview, data, min_side, limits)
    try:
        return _decode(data, min_side, limits)
    except UnidentifiedImageError:
        # A DNG whose name says TIFF, for example.
        if not is_raw and data[:4] in _TIFF and (preview := raw.decode(data, min_side, limits)):
            return _finish_raw(preview, data, min_side, limits)
        raise


def _decode(data: memoryview, min_side: int, limits: Limits) -> Picture:
    decoded = _to_upright(data, min_side, limits)
    facts = facts_of([decoded.exif], decoded.kind, decoded.width, decoded.height)
    return Picture(decoded.image, facts)


def _to_upright(data: memoryview, min_side: int, limits: Limits) -> _Decoded:
    # typeshed does not count what reads buffered among what Pillow opens.
    reader: Any = _Reader(data, limits.max_seconds)
    with Image.open(reader, formats=_formats(data)) as image:
        width, height = image.size
        limits.check(width, height)
        kind = _FORMAT_NAMES.get(image.format or "", image.format or "")
        if kind == "JPEG":
            check_scans(data, image, limits)
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            # A whole tile is decoded at a time, and may be larger than the picture.
            tile = (image.tag_v2.get(tag, 1) for tag in _TILE_SIZE)
            limits.check(*tile)
        is_drafted = image.draft(None, (2 * min_side, 2 * min_side)) is not None
        image.load()
        exif = read_exif(image)
        orientation = _orientation(exif)
        if not is_drafted:
            width, height = image.size
        upright = _upright(_to_small_rgb(image, min_side), orientation)
    if orientation in _SIDEWAYS:
        width, height = height, width
    return _Decoded(upright, exif, kind, width, height)


def _finish_raw(preview: raw.Preview, data: memoryview, min_side: int, limits: Limits) -> Picture:
    exifs = [raw.read_tiff_exif(data)]
    orientation = preview.orientation
    if isinstance(preview.image, bytes):
        embedded = _to_upright(memoryview(preview.image), min_side, limits)
        exifs.append(embedded.exif)
        small = embedded.image
        # Cameras store most previews as the sensor was held and say so only in the RAW file; some turn
        # the preview, or let it say itself how it is to be turned, which has been done by now.
        was_portrait = embedded.height > embedded.width
        is_turned = orientation in _SIDEWAYS and was_portrait != (preview.height > preview.width)
        if is_turned or _orientation(embedded.exif) != 1:
            orientation = 1
    else:
        small = _to_small_rgb(preview.image, min_side)
    width, height = preview.width, preview.height
    if preview.orientation in _SIDEWAYS:
        width, height = height, width
    return Picture(_upright(small, orientation), facts_of(exifs, "RAW", width, height))


def _formats(data: memoryview) -> tuple[str, ...]:
    if bytes(data[4:8]) != b"ftyp" or bytes(data[8:12]) not in _HEIF_BRANDS:
        return _FORMATS
    # Imported when the first such photo comes: it takes a while, and most libraries have none.
    import pillow_heif  # noqa: PLC0415

    with _heif_lock:
        pillow_heif.register_heif_opener(thumbnails=False)
    return (*_FORMATS, "HEIF")


def _to_small_rgb(image: Image.Image, min_side: int) -> Image.Image:
    flat = flatten(image)
    # Large pictures shrink before their colours are converted, which costs by the pixel, and before
    # they wait for the tower.
    factor = min(flat.size) // (_ROOM * min_side)
    if factor > 1:
        flat = _shrink(flat, factor)
    profile = image.info.get("icc_profile") or b""
    return to_rgb(flat, profile if len(profile) <= _MAX_PROFILE_BYTES else None)


def _shrink(image: Image.Image, factor: int) -> Image.Image:
    # What is left over when a side is divided would become pixels as wide as the others, and stretch the
    # picture; it is less than a pixel of the result, and is left out, half of it on each side.
    width, height = (side // factor * factor for side in image.size)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.reduce(factor, (left, top, left + width, top + height))


def _orientation(exif: Exif) -> int:
    value = exif.base.get(_ORIENTATION)
    return value if isinstance(value, int) and value in _TRANSPOSE else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    method = _TRANSPOSE.get(orientation)
    return image if method is None else image.transpose(method)


def _what_it_is(data: memoryview) -> str:
    start = bytes(data[:64]).lstrip().lower()
    for signature, kind in _STRANGERS.items():
        if start.startswith(signature.lower()):
            return f"it is not a photo but {kind}"
    if bytes(data[4:8]) == b"ftyp":
        return "it is not a photo but a video, or a HEIF of a kind that cannot be read"
    if not bytes(data).lstrip(b"\0"):
        return "the file holds nothing but zeros"
    return "it is not a photo, or damaged beyond recognition"


def _reason(error: Exception) -> str:
    text = str(error).lower()
    if "truncated" in text or "broken data stream" in text or isinstance(error, EOFError):
        return "the file is truncated or damaged"
    detail = "".join(char for char in str(error).partition("\n")[0] if char.isprintable())[:120]
    return f"it cannot be decoded ({detail or type(error).__name__})"
