"""Whole photos, damaged: cut off, bits flipped, numbers replaced, parts swapped, under wrong names."""

import struct
from random import Random

from photond.imaging.formats import PHOTO_SUFFIXES
from tests.hostile.boundaries import boundaries
from tests.hostile.good import photos
from tests.hostile.sample import EITHER, PICTURE, REFUSED, Sample

# Numbers at which something overflows, wraps around or changes its sign.
_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 2**31 - 1, 2**31, 2**32 - 1)
_STRANGERS = (
    b"",
    bytes(5000),
    b"%PDF-1.7\n1 0 obj\n",
    b"PK\x03\x04" + bytes(60),
    b"<!DOCTYPE html><script>alert(1)</script>",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    b"8BPS\0\1" + bytes(60),
    b"\x7fELF" + bytes(60),
    b"#!/bin/sh\nexit 1\n",
    b"\0\0\0\x20ftypisom" + bytes(60),
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
)


def cut(rng: Random) -> Sample:
    """Cut off at a boundary, a byte before or behind it."""
    name, data = _photo(rng)
    end = rng.choice(boundaries(data)) + rng.choice((-1, 0, 1))
    return Sample(name, data[: max(0, end)], EITHER)


def flipped(rng: Random) -> Sample:
    """Some bits flipped: anywhere, near the beginning, or around one boundary."""
    name, data = _photo(rng)
    changed = bytearray(data)
    around = rng.choice(boundaries(data))
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        place = rng.choice(
            (
                rng.randrange(len(data)),
                rng.randrange(min(200, len(data))),
                around + rng.randrange(16),
            )
        )
        changed[min(place, len(data) - 1)] ^= 1 << rng.randrange(8)
    return Sample(name, bytes(changed), EITHER)


def overwritten(rng: Random) -> Sample:
    """Numbers at boundaries replaced by ones at which programs stumble."""
    name, data = _photo(rng)
    changed = bytearray(data)
    places = boundaries(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        order, size = rng.choice("<>"), rng.choice("BHI")
        value = rng.choice(_EDGES) % (1 << (8 * struct.calcsize(size)))
        place = rng.choice(places) + rng.choice((0, 0, 2, 4, 8))
        replaced = struct.pack(order + size, value)
        if place + len(replaced) <= len(changed):
            changed[place : place + len(replaced)] = replaced
    return Sample(name, bytes(changed), EITHER)


def spliced(rng: Random) -> Sample:
    """A part left out, doubled many times, or put in from another photo."""
    name, data = _photo(rng)
    start, end = sorted(rng.choices([*boundaries(data), len(data)], k=2))
    part = data[start:end]
    if rng.random() < 0.5:
        _, other = _photo(rng)
        first, last = sorted(rng.choices([*boundaries(other), len(other)], k=2))
        part = other[first:last]
    part *= rng.choice((0, 1, 2, 2, min(300, 1 + 100_000 // (len(part) + 1))))
    return Sample(name, data[:start] + part + data[rng.choice((start, end)) :], EITHER)


def misnamed(rng: Random) -> Sample:
    """A whole photo under the name of another format."""
    name, data = _photo(rng)
    if name.endswith(".dng"):
        # To look at, it is a TIFF: its name says what it is.
        return Sample(f"photo{rng.choice(('.arw', '.nef', '.cr2'))}", data, PICTURE)
    return Sample(f"photo{rng.choice(sorted(PHOTO_SUFFIXES))}", data, PICTURE)


def stranger(rng: Random) -> Sample:
    """What is no photo, under the name of one."""
    data = rng.choice((*_STRANGERS, rng.randbytes(rng.randrange(1, 4000))))
    return Sample(f"photo{rng.choice(sorted(PHOTO_SUFFIXES))}", data, REFUSED)


def signature(rng: Random) -> Sample:
    """How a photo begins, and noise."""
    name, data = _photo(rng)
    beginning = data[: rng.choice((4, 12, 16, 40))]
    if rng.random() < 0.3:
        name = "photo.raf"
        beginning = rng.choice(
            (b"FUJIFILMCCD-RAW ", b"IIRO\x08\0\0\0", b"FOVb", b"\0MRM", b"IIU\0")
        )
    return Sample(name, beginning + rng.randbytes(rng.randrange(3000)), EITHER)


def _photo(rng: Random) -> tuple[str, bytes]:
    name = rng.choice(sorted(photos()))
    return name, photos()[name]
