"""Photos in every format and variety that photond reads: all of them show the four quadrants."""

import functools
import io
import struct
import zlib
from collections.abc import Mapping

import numpy as np
import pillow_heif
import tifffile
from PIL import Image, features

from tests.imaging.pictures import encoded, make_dng, quadrants, swapped_profile

_ORIENTATION, _MAKE, _MODEL, _DATE = 0x0112, 0x010F, 0x0110, 0x0132


@functools.cache
def photos() -> Mapping[str, bytes]:
    """Whole photos by a name that says what they are, `"progressive.jpg"` and so on."""
    picture = quadrants(120, 80)
    grey = np.asarray(picture.convert("L"))
    twice = {"save_all": True, "append_images": [picture.rotate(180), picture], "duration": 40}
    made = {
        "plain.jpg": encoded(picture, "JPEG", exif=_exif(), icc_profile=swapped_profile()),
        "progressive.jpg": encoded(picture, "JPEG", progressive=True, quality=60),
        "restarts.jpg": encoded(picture, "JPEG", restart_marker_rows=1, subsampling=0),
        "cmyk.jpg": encoded(picture.convert("CMYK"), "JPEG"),
        "grey.jpg": encoded(picture.convert("L"), "JPEG"),
        "several.mpo": encoded(picture, "MPO", save_all=True, append_images=[picture]),
        "plain.png": encoded(picture, "PNG", exif=_exif(), icc_profile=swapped_profile()),
        "alpha.png": encoded(picture.convert("RGBA"), "PNG"),
        "palette.png": encoded(picture.quantize(16), "PNG"),
        "bits.png": encoded(picture.convert("1"), "PNG"),
        "deep.png": encoded(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"),
        "interlaced.png": _interlaced(picture),
        "animated.png": encoded(picture, "PNG", **twice),
        "plain.webp": encoded(picture, "WEBP", exif=_exif(), icc_profile=swapped_profile()),
        "lossless.webp": encoded(picture.convert("RGBA"), "WEBP", lossless=True),
        "animated.webp": encoded(picture, "WEBP", **twice),
        "plain.tif": encoded(picture, "TIFF", exif=_exif()),
        "lzw.tif": encoded(picture, "TIFF", compression="tiff_lzw"),
        "deflate.tif": encoded(picture, "TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tif": encoded(picture, "TIFF", compression="jpeg"),
        "fax.tif": encoded(picture.convert("1"), "TIFF", compression="group4"),
        "cmyk.tif": encoded(picture.convert("CMYK"), "TIFF"),
        "pages.tif": encoded(picture, "TIFF", save_all=True, append_images=[picture] * 3),
        "float.tif": encoded(Image.fromarray(grey.astype(np.float32) / 255), "TIFF"),
        "tiles.tif": _tifffile(np.asarray(picture), tile=(32, 32), compression="zlib"),
        "big.tif": _tifffile(np.asarray(picture), bigtiff=True),
        "other-end.tif": _tifffile(np.asarray(picture), byteorder=">"),
        "planes.tif": _tifffile(np.asarray(picture).transpose(2, 0, 1), planarconfig="separate"),
        "plain.gif": encoded(picture, "GIF"),
        "animated.gif": encoded(picture, "GIF", **twice),
        "plain.bmp": encoded(picture, "BMP"),
        "palette.bmp": encoded(picture.quantize(16), "BMP"),
        "runs.bmp": _run_lengths(picture),
        "plain.heic": encoded(picture, "HEIF", exif=_exif()),
        "grid.heic": _grid(),
        "preview.dng": make_dng(picture),
        "mosaic.dng": make_dng(None),
    }
    if features.check("avif"):
        made["plain.avif"] = encoded(picture, "AVIF", exif=_exif(), speed=10)
        made["animated.avif"] = encoded(picture, "AVIF", speed=10, **twice)
    return made


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG, with its length and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _exif() -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION], exif[_MAKE], exif[_MODEL] = 1, "Photond", "Test"
    exif[_DATE] = "2024:06:01 12:34:56"
    exif.get_ifd(0x8769)[0x9003] = "2024:06:01 12:34:56"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.0), 3: "E", 4: (11.0, 34.0, 0.0)})
    return exif.tobytes()


def _tifffile(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    byteorder = {"byteorder": options.pop("byteorder")} if "byteorder" in options else {}
    bigtiff = bool(options.pop("bigtiff", False))
    with tifffile.TiffWriter(buffer, bigtiff=bigtiff, **byteorder) as tiff:
        tiff.write(pixels, photometric="rgb", metadata=None, **options)
    return buffer.getvalue()


def _interlaced(picture: Image.Image) -> bytes:
    """A PNG in Adam7 order, which Pillow reads and does not write."""
    pixels = np.asarray(picture)
    passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ]
    rows = b"".join(
        b"\0" + row.tobytes() for x, y, dx, dy in passes for row in pixels[y::dy, x::dx]
    )
    header = struct.pack(">IIBBBBB", picture.width, picture.height, 8, 2, 0, 0, 1)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IEND", b"")


def _run_lengths(picture: Image.Image) -> bytes:
    """A BMP of 256 colours in run-length encoding, which Pillow reads and does not write."""
    small = picture.quantize(4)
    palette = bytes(small.getpalette() or b"").ljust(12, b"\0")
    colours = b"".join(palette[3 * n : 3 * n + 3][::-1] + b"\0" for n in range(4))
    half = picture.width // 2
    body = b"".join(
        bytes((half, row[0], half, row[-1], 0, 0)) for row in np.asarray(small)[::-1].tolist()
    )
    body += b"\0\1"
    start = 14 + 40 + len(colours)
    info = struct.pack("<IiiHHIIiiII", 40, *picture.size, 1, 8, 1, len(body), 2835, 2835, 4, 4)
    return struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start) + info + colours + body


def _grid() -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(quadrants(256, 192)).save(buffer, quality=40, tile_size=64)
    return buffer.getvalue()
