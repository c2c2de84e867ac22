"""Good pictures with metadata that lies, loops, swells or speaks to the terminal."""

import struct
import zlib
from collections.abc import Sequence
from random import Random

from PIL import Image

from tests.hostile import directory
from tests.hostile.directory import Entry, fractions, number, text
from tests.hostile.good import photos, png_chunk
from tests.hostile.sample import PICTURE, Sample
from tests.imaging.pictures import encoded, quadrants, swapped_profile

_TEXTS = (
    b"\x1b]0;owned\x07\x1b[2J",
    b"\xe2\x80\xaegpj.exe",
    "\N{RIGHT-TO-LEFT OVERRIDE}gpj\N{ZERO WIDTH SPACE}".encode("utf-16"),
    b"a\r\nFAKE LOG LINE",
    b"\0hidden\0",
    b"\x9b31m\x80\xff\xfe",
    b"<script>alert(1)</script>",
    b"'; drop table files; --",
    b"%s%n%x{0}${HOME}",
    b" \t\v\f ",
    "\N{LINE SEPARATOR}\N{BYTE ORDER MARK}\N{NULL}".encode(),
)
_DATES = (
    *(
        b"0000:00:00 00:00:00",
        b"9999:12:31 23:59:59",
        b"2024:13:45 99:99:99",
        b"1000:01:01 00:00:00",
    ),
    *(
        b"-001:01:01 00:00:00",
        b"2024:06:01",
        b"    :  :     :  :  ",
        b"\xff" * 19,
        b"2024:06:01 12:34:61",
    ),
)
_OFFSETS = (
    b"+99:99",
    b"+05:",
    b"-0:0",
    b"+1:5",
    b"Z",
    b"++:++",
    b"\xb2\xb3:\xb9\xb2",
    b"+14:15",
    b"-12:01",
)
_FRACTIONS = ((0, 0), (1, 0), (2**32 - 1, 1), (91, 1), (181, 1), (0, 1), (1, 2**32 - 1), (45, 1))


def exif(rng: Random) -> Sample:
    """Directories whose texts, dates, places, counts, types and pointers are absurd."""
    maker = rng.choice(
        (
            b"",
            rng.randbytes(200),
            b"Nikon\0\2\x10\0\0II*\0\x08\0\0\0",
            directory.block([number(1, 2)]),
        )
    )
    base = [
        text(0x010F, _some_text(rng)),
        text(0x0110, _some_text(rng)),
        text(0x0132, rng.choice(_DATES)),
        number(
            0x0112,
            rng.choice((0, 1, 9, 255, 65535, 2**31)),
            rng.choice((directory.SHORT, directory.LONG)),
        ),
    ]
    photo = [
        text(0x9003, rng.choice(_DATES)),
        text(rng.choice((0x9010, 0x9011)), rng.choice(_OFFSETS)),
        text(0xA434, _some_text(rng)),
        Entry(directory.MAKER_NOTE, directory.UNDEFINED, len(maker), maker),
    ]
    gps = [
        text(1, rng.choice((b"N", b"S", b"X", b""))),
        fractions(2, *rng.choices(_FRACTIONS, k=rng.choice((0, 1, 3, 3, 3, 9)))),
        text(3, rng.choice((b"E", b"W", b"?"))),
        fractions(4, *rng.choices(_FRACTIONS, k=3)),
        fractions(7, *rng.choices(_FRACTIONS, k=3)),
        text(29, rng.choice((b"2024:06:01", b"0001:01:01", b"9999:99:99"))),
    ]
    for entries in (base, photo, gps):
        for place, entry in enumerate(entries):
            if rng.random() < 0.1:
                count = rng.choice((0, entry.count + 1, 65535, 2**31, 2**32 - 1))
                kind = rng.choice((0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 16, 129, 65535))
                entries[place] = Entry(entry.tag, kind, count, entry.value)
    is_turned = any(entry.tag == 0x0112 and not 2 <= entry.value[0] <= 8 for entry in base)
    return _with_exif(rng, directory.block(base, photo, gps), shows_quadrants=is_turned)


def looping(rng: Random) -> Sample:
    """Directories that point to themselves and to each other, and one that has no end."""
    places = [rng.choice((0, 8, 10, 2**31, 2**32 - 1)) for _ in range(4)]
    pointers = [
        number(directory.EXIF_IFD, places[0]),
        number(directory.GPS_IFD, places[1]),
        number(0xA005, places[2]),
        Entry(0x014A, directory.LONG, 3, struct.pack("<3I", 8, 8, places[3])),
        Entry(directory.MAKER_NOTE, directory.UNDEFINED, 4, struct.pack("<I", 8)),
    ]
    data = b"II*\0\x08\0\0\0" + directory.directory(pointers, 8, following=8)
    if rng.random() < 0.3:
        data = b"II*\0\x08\0\0\0\xff\xff" + data[10:] * 50
    return _with_exif(rng, data, shows_quadrants=True)


def overlapping(rng: Random) -> Sample:
    """Very many tags, each of which has all the bytes there are: gigabytes, if believed."""
    count = rng.choice((1000, 5000, 65535))
    kind, size = rng.choice(((directory.ASCII, 1), (directory.SHORT, 2), (directory.RATIONAL, 8)))
    length = 12 * count // size
    entries = b"".join(struct.pack("<HHII", tag, kind, length, 8) for tag in range(count))
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + bytes(4)
    return _with_exif(rng, data, shows_quadrants=False)


def swollen_text(rng: Random) -> Sample:
    """The name of a camera, megabytes long."""
    long = rng.choice((b"A", b"\x1b[31m", b" ", b"\xc3\xa9", b"a b ")) * rng.choice(
        (10_000, 3_000_000)
    )
    data = directory.block([text(0x010F, long), text(0x0110, long[::-1])])
    return _with_exif(rng, data, shows_quadrants=True)


def profile(rng: Random) -> Sample:
    """A colour profile that is damaged, or megabytes long."""
    data = bytearray(swapped_profile())
    way = rng.randrange(5)
    if way == 0:
        for _ in range(rng.choice((1, 4, 16))):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif way == 1:
        data = data[: rng.randrange(len(data))]
    elif way == 2:
        data[128:132] = struct.pack(">I", rng.choice((0, 100, 2**31, 2**32 - 1)))
    elif way == 3:
        data += bytes(rng.choice((900_000, 3_000_000)))
        data[:4] = struct.pack(">I", len(data))
    else:
        data[12:24] = rng.choice(
            (b"linkRGB RGB ", b"abstLab Lab ", b"nmclRGB Lab ", b"prtrCMYKLab ")
        )
    return _encoded(
        rng, quadrants(120, 80), ("JPEG", "PNG", "WEBP", "TIFF"), icc_profile=bytes(data)
    )


def xmp(rng: Random) -> Sample:
    """XMP that is no XML, expands without end, or is megabytes long."""
    packet = rng.choice(
        (
            b"<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]><x>&b;</x>",
            b"<x:xmpmeta " + b"<a>" * 20_000,
            b"<x tiff:Orientation='9'/>" + bytes(100),
            b'tiff:Orientation="0"',
            b"\xff\xfe" * 30_000,
            b"<x>" + b" " * rng.choice((60_000, 5_000_000)) + b"</x>",
        )
    )
    picture = quadrants(120, 80)
    if len(packet) < 60_000 and rng.random() < 0.5:
        return Sample(
            "photo.jpg", encoded(picture, "JPEG", xmp=packet), PICTURE, shows_quadrants=True
        )
    if rng.random() < 0.5:
        return Sample(
            "photo.webp", encoded(picture, "WEBP", xmp=packet), PICTURE, shows_quadrants=True
        )
    field = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)
    return _png_with(png_chunk(b"iTXt", field))


def comments(rng: Random) -> Sample:
    """Thousands of texts in one picture."""
    many = rng.choice((100, 20_000))
    if rng.random() < 0.5:
        return _png_with(b"".join(png_chunk(b"tEXt", b"k%d\0%d" % (n, n)) for n in range(many)))
    plain = photos()["progressive.jpg"]
    notes = b"".join(b"\xff\xfe\0\x0b%09d" % n for n in range(many))
    return Sample("photo.jpg", plain[:2] + notes + plain[2:], PICTURE, shows_quadrants=True)


def _some_text(rng: Random) -> bytes:
    return rng.choice(_TEXTS) * rng.choice((1, 1, 50))


def _with_exif(rng: Random, data: bytes, *, shows_quadrants: bool) -> Sample:
    kinds = ("JPEG", "PNG", "WEBP") if len(data) < 65_000 else ("PNG", "WEBP")
    if len(data) >= 65_000 and rng.random() < 0.5:
        plain = photos()["progressive.jpg"]
        parts = [data[start : start + 65_000] for start in range(0, len(data), 65_000)]
        segments = b"".join(
            b"\xff\xe1" + struct.pack(">H", len(part) + 8) + b"Exif\0\0" + part for part in parts
        )
        return Sample("photo.jpg", plain[:2] + segments + plain[2:], PICTURE, shows_quadrants)
    made = _encoded(rng, quadrants(120, 80), kinds, exif=b"Exif\0\0" + data)
    return Sample(made.name, made.data, PICTURE, shows_quadrants)


def _encoded(rng: Random, picture: Image.Image, kinds: Sequence[str], **options: bytes) -> Sample:
    kind = rng.choice(kinds)
    return Sample(f"photo.{kind.lower()}", encoded(picture, kind, **options), PICTURE)


def _png_with(chunks: bytes) -> Sample:
    plain = photos()["interlaced.png"]
    data = plain[:33] + chunks + plain[33:]
    return Sample("photo.png", data, PICTURE, shows_quadrants=True)
