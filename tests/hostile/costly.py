"""Small files that would cost much: bombs, absurd sizes, endless pages, scans and frames."""

import functools
import struct
import zlib
from random import Random

import numpy as np
from PIL import Image

from tests.hostile import directory
from tests.hostile.boundaries import boundaries
from tests.hostile.directory import Entry, number
from tests.hostile.good import photos, png_chunk
from tests.hostile.sample import EITHER, PICTURE, REFUSED, Sample
from tests.imaging.pictures import encoded

LIMIT = 20_000_000
"""The pixels that a photo of this corpus may have; bombs stand on both sides of it."""

_SIDES = (0, 1, 0x3FFF, 0x4000, 0x7FFF, 0xFFFF, 0x10000, 2**31 - 1, 2**31, 2**32 - 1)
_OVER = (8000, 4000)
_UNDER = (5000, 3900)


def bomb(rng: Random) -> Sample:
    """One colour on very many pixels: some kilobytes that become more than is allowed, or not."""
    is_over = rng.random() < 0.5
    size = _OVER if is_over else _UNDER
    kind = rng.choice(("PNG", "TIFF", "WEBP", "GIF", "1.PNG", "16.PNG", "JPEG"))
    return Sample(f"photo.{kind[-4:].lower()}", _bomb(kind, size), REFUSED if is_over else PICTURE)


@functools.lru_cache(maxsize=16)
def _bomb(kind: str, size: tuple[int, int]) -> bytes:
    if kind == "16.PNG":
        return encoded(Image.fromarray(np.full(size[::-1], 999, np.uint16)), "PNG")
    if kind == "1.PNG":
        return encoded(Image.new("1", size), "PNG")
    options = {"TIFF": {"compression": "tiff_deflate"}, "WEBP": {"lossless": True, "method": 0}}
    return encoded(Image.new("P" if kind == "GIF" else "RGB", size), kind, **options.get(kind, {}))


def absurd(rng: Random) -> Sample:
    """A header that states another size than the picture has."""
    width, height = rng.choice(_SIDES), rng.choice(_SIDES)
    kind = rng.choice(("png", "jpg", "gif", "bmp", "webp", "tif", "heic", "avif"))
    data = bytearray(photos().get(f"plain.{kind}", b""))
    if kind == "png":
        data[8:33] = png_chunk(b"IHDR", struct.pack(">II", width, height) + data[24:29])
    elif kind == "jpg":
        place = data.index(b"\xff\xc0") + 5
        data[place : place + 4] = struct.pack(">HH", height % 65536, width % 65536)
    elif kind == "gif":
        place = rng.choice((6, data.index(b"\x2c") + 5))
        data[place : place + 4] = struct.pack("<HH", width % 65536, height % 65536)
    elif kind == "bmp":
        data[18:26] = struct.pack("<II", width, height)
    elif kind == "webp":
        data[24:30] = struct.pack("<I", width)[:3] + struct.pack("<I", height)[:3]
    elif kind == "tif":
        for tag, value in ((256, width), (257, height)):
            place = data.index(struct.pack("<HH", tag, 4))
            data[place + 8 : place + 12] = struct.pack("<I", value)
    elif b"ispe" in data:
        place = data.index(b"ispe") + 8
        data[place : place + 8] = struct.pack(">II", width, height)
    return Sample(f"photo.{kind}", bytes(data), EITHER)


def pages(rng: Random) -> Sample:
    """A TIFF of ten thousand pages, or whose pages lead back to each other."""
    plain = photos()["other-end.tif"]
    if rng.random() < 0.5:
        first = struct.unpack_from(">I", plain, 4)[0]
        count = struct.unpack_from(">H", plain, first)[0]
        end = first + 2 + 12 * count
        return Sample("photo.tif", plain[:end] + plain[4:8] + plain[end + 4 :], PICTURE)
    many = rng.choice((100, 10_000))
    entries = [number(256, 4), number(257, 4), number(258, 8), number(262, 1), number(273, 0)]
    entries += [number(278, 4), number(279, 16)]
    length = len(directory.directory(entries, 8))
    data = b"II*\0\x08\0\0\0" + b"".join(
        directory.directory(entries, 8 + n * length, following=8 + (n + 1) * length)
        for n in range(many)
    )
    return Sample("photo.tif", data, EITHER)


def scans(rng: Random) -> Sample:
    """A progressive JPEG with thousands of scans, each of which goes through the whole picture."""
    data = _progressive(rng.choice(((120, 80), (1000, 800), _UNDER)))
    start = max(place for place in boundaries(data) if data[place : place + 2] == b"\xff\xda")
    many = rng.choice((5, 100, 2000, 20_000))
    data = data[:start] + (data[start:-2] * many)[:2_000_000] + data[-2:]
    return Sample("photo.jpg", data, EITHER)


@functools.cache
def _progressive(size: tuple[int, int]) -> bytes:
    return encoded(Image.new("RGB", size), "JPEG", progressive=True)


def frames(rng: Random) -> Sample:
    """An animation of a hundred thousand frames, of which the first is the photo."""
    kind = rng.choice(("gif", "png", "webp", "avif"))
    many = rng.choice((100, 100_000))
    if kind == "gif":
        frame = (
            b"\x21\xf9\4"
            + bytes(4)
            + b"\0\x2c"
            + struct.pack("<4HB", 0, 0, 1, 1, 0)
            + b"\2\2\x44\1\0"
        )
        data = photos()["animated.gif"][:-1] + frame * many + b";"
        return Sample("photo.gif", data, PICTURE, shows_quadrants=True)
    if kind == "png":
        data = photos()["animated.png"]
        end = data.index(b"IEND") - 4
        frame = png_chunk(b"fcTL", bytes(26)) + png_chunk(b"fdAT", bytes(8))
        return Sample(
            "photo.png", data[:end] + frame * many + data[end:], PICTURE, shows_quadrants=True
        )
    if kind == "webp":
        data = photos()["animated.webp"]
        start = data.rindex(b"ANMF")
        body = data[8:start] + data[start:] * min(many, 8_000_000 // (len(data) - start))
        return Sample("photo.webp", b"RIFF" + struct.pack("<I", len(body)) + body, EITHER)
    data = bytearray(photos().get("animated.avif", b""))
    for box in (b"stsz", b"stts", b"stsc", b"stco"):
        if box in data and rng.random() < 0.5:
            place = data.index(box) + 8
            data[place + 4 * (box == b"stsz") : place + 4 * (box == b"stsz") + 4] = struct.pack(
                ">I", many
            )
    return Sample("photo.avif", bytes(data), EITHER)


def grid(rng: Random) -> Sample:
    """A HEIF that is put together of absurdly many or large tiles."""
    data = bytearray(photos()["grid.heic"])
    # ISO 23008-12, 6.6.2.3: version, flags, rows - 1, columns - 1, width, height.
    place = data.index(struct.pack(">BBBBHH", 0, 0, 2, 3, 256, 192))
    rows, columns = rng.choice((0, 2, 255)), rng.choice((0, 3, 255))
    if rng.random() < 0.5:
        size = struct.pack(
            ">BBHH", rows, columns, rng.choice((0, 1, 65535)), rng.choice((192, 65535))
        )
        data[place + 2 : place + 8] = size
    else:
        wide = (rng.choice((256, 2**31, 2**32 - 1)), rng.choice((192, 2**31)))
        data[place : place + 8] = struct.pack(">BBBB", 0, 1, rows, columns) + struct.pack(
            ">I", wide[0]
        )
    if rng.random() < 0.5:
        for start in (at for at in range(len(data)) if data[at : at + 4] == b"ispe"):
            data[start + 8 : start + 16] = struct.pack(
                ">II", rng.choice(_SIDES), rng.choice(_SIDES)
            )
    return Sample("photo.heic", bytes(data), EITHER)


def layout(rng: Random) -> Sample:
    """A TIFF whose tags say anything of how its pixels lie: huge tiles, 64 bits, 99 channels."""
    side = rng.choice((1, 16, 100, 4000))
    width, height = side, rng.choice((side, 1))
    kinds = (directory.SHORT, directory.LONG)
    body = zlib.compress(bytes(min(width * height * 3, 10**6)))
    entries = [number(256, width), number(257, height)]
    entries.append(
        number(258, rng.choice((0, 1, 2, 4, 7, 8, 12, 16, 24, 32, 64, 65535)), rng.choice(kinds))
    )
    entries.append(
        number(259, rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000, 50001)))
    )
    entries.append(number(262, rng.choice((0, 1, 2, 3, 4, 5, 6, 8, 9, 32844, 32845, 65535))))
    entries.append(number(277, rng.choice((0, 1, 2, 3, 4, 5, 99, 65535))))
    if rng.random() < 0.5:
        tile = rng.choice((1, 15, 16, 64, 4096, 32768, 65536, 2**31 - 16))
        entries += [number(322, tile), number(323, rng.choice((16, tile)))]
        entries += [number(324, 400), number(325, len(body))]
    else:
        entries += [
            number(273, 400),
            number(278, rng.choice((0, 1, height, 2**32 - 1))),
            number(279, len(body)),
        ]
    entries.append(number(284, rng.choice((0, 1, 2, 3))))
    entries.append(number(317, rng.choice((1, 2, 3))))
    if rng.random() < 0.3:
        entries.append(Entry(320, directory.SHORT, rng.choice((3, 768, 65535)), bytes(1536)))
    entries.append(number(339, rng.choice((1, 2, 3, 4, 6))))
    data = directory.block(sorted(entries, key=lambda entry: entry.tag))
    return Sample("photo.tif", data.ljust(400, b"\0")[:400] + body, EITHER)


def palette(rng: Random) -> Sample:
    """Pixels of colours that the palette has not."""
    colours = rng.choice((0, 1, 3, 255))
    if rng.random() < 0.5:
        header = struct.pack(">IIBBBBB", 120, 80, 8, 3, 0, 0, 0)
        rows = b"".join(b"\0" + rng.randbytes(120) for _ in range(80))
        chunks = png_chunk(b"IHDR", header) + png_chunk(b"PLTE", bytes(3 * colours))
        chunks += png_chunk(b"tRNS", bytes(rng.choice((0, 1, 300))))
        chunks += png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
        return Sample("photo.png", b"\x89PNG\r\n\x1a\n" + chunks, EITHER)
    data = bytearray(photos()["palette.bmp"])
    data[46:50] = struct.pack("<I", rng.choice((colours, 65535, 2**32 - 1)))
    data[-9600:] = rng.randbytes(9600)
    return Sample("photo.bmp", bytes(data), EITHER)


def runs(rng: Random) -> Sample:
    """A BMP whose runs and leaps go anywhere."""
    data = photos()["runs.bmp"]
    body = b"".join(
        rng.choice((b"\xff\1", b"\0\2\xff\xff", b"\0\0", b"\0\xff" + bytes(256), b"\0\1"))
        for _ in range(rng.choice((10, 5000)))
    )
    size = struct.pack("<ii", *rng.choice(((120, 80), _UNDER, (1, 20_000_000), (20_000_000, 1))))
    return Sample("photo.bmp", data[:18] + size + data[26:70] + body, EITHER)


def comment_blocks(rng: Random) -> Sample:
    """A GIF that begins with megabytes of comments."""
    data = photos()["plain.gif"]
    start = 13 + (3 << (data[10] % 8 + 1))
    blocks = (b"\xff" + bytes(255)) * rng.choice((10, 8000))
    commented = data[:start] + b"\x21\xfe" + blocks + b"\0" + data[start:]
    return Sample("photo.gif", commented, PICTURE, shows_quadrants=True)
