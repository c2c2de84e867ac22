"""TIFF directories as one would not write them: with any type, count, value and pointer."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SIGNED, DOUBLE = 1, 2, 3, 4, 5, 7, 9, 12
EXIF_IFD, GPS_IFD, MAKER_NOTE = 0x8769, 0x8825, 0x927C


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag.

    Attributes:
        tag: Its number.
        kind: Of its values; any 16 bits.
        count: Of its values, as it claims.
        value: Up to 4 bytes stand in the entry itself; more stand behind the directory.
    """

    tag: int
    kind: int
    count: int
    value: bytes


def text(tag: int, value: bytes) -> Entry:
    """A text, ended by a NUL."""
    return Entry(tag, ASCII, len(value) + 1, (value + b"\0").ljust(5, b"\0"))


def number(tag: int, value: int, kind: int = LONG) -> Entry:
    """One whole number."""
    return Entry(tag, kind, 1, struct.pack("<I", value))


def fractions(tag: int, *values: tuple[int, int]) -> Entry:
    """Numerators and denominators."""
    flat = [part for value in values for part in value]
    return Entry(tag, RATIONAL, len(values), struct.pack(f"<{len(flat)}I", *flat))


def block(base: Sequence[Entry], exif: Sequence[Entry] = (), gps: Sequence[Entry] = ()) -> bytes:
    """A little-endian TIFF of a first directory, and those of the photo and the place behind it."""
    pointers = [number(EXIF_IFD, 0)] * bool(exif) + [number(GPS_IFD, 0)] * bool(gps)
    after_base = 8 + len(directory([*base, *pointers], 8))
    after_exif = after_base + len(directory(exif, after_base)) * bool(exif)
    pointers = [number(EXIF_IFD, after_base)] * bool(exif) + [number(GPS_IFD, after_exif)] * bool(
        gps
    )
    data = b"II*\0\x08\0\0\0" + directory([*base, *pointers], 8)
    data += directory(exif, after_base) if exif else b""
    return data + (directory(gps, after_exif) if gps else b"")


def directory(entries: Sequence[Entry], start: int, following: int = 0) -> bytes:
    """One directory that lies at `start`, the next one being at `following`."""
    head, tail = struct.pack("<H", len(entries)), b""
    end = start + 2 + 12 * len(entries) + 4
    for entry in entries:
        value = entry.value.ljust(4, b"\0")
        if len(value) > 4:
            value, tail = struct.pack("<I", end + len(tail)), tail + value
        head += struct.pack("<HHI", entry.tag, entry.kind, entry.count) + value
    return head + struct.pack("<I", following) + tail
