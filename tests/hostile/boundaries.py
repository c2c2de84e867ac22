"""Where the parts of a file begin and end: its segments, chunks, boxes and directories."""

import re
import struct
from collections.abc import Iterator

# Boxes of ISO base media files that hold boxes, and how many bytes of their own stand before those.
_CONTAINERS = {
    b"meta": 4,
    b"iinf": 6,
    **dict.fromkeys((b"iprp", b"ipco", b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf"), 0),
}
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8}
_MOST_DIRECTORIES = 16


def boundaries(data: bytes) -> list[int]:
    """Offsets within a whole photo where something begins or ends, ascending, without its own end."""
    found = set(_found(data))
    return sorted(place for place in found if 0 <= place < len(data))


def _found(data: bytes) -> Iterator[int]:  # noqa: PLR0911 - one return a format
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data.startswith(b"\x89PNG"):
        return _chunks(data, 8, ">I4s", 4)
    if data.startswith(b"RIFF"):
        return _chunks(data, 12, "<4sI", 0)
    if data[4:8] == b"ftyp":
        return _boxes(data, 0, len(data))
    if data[:2] in {b"II", b"MM"}:
        return _directories(data)
    if data.startswith(b"GIF8"):
        return _gif(data)
    return iter((14, 18, 22, 28, 30, 54))  # of BMP, whose header has one form


def _jpeg(data: bytes) -> Iterator[int]:
    place = 2
    while (match := re.compile(rb"\xff[^\x00\xff]").search(data, place)) is not None:
        place = match.start()
        yield from (place, place + 2)
        if 0xD0 <= data[place + 1] <= 0xD9:
            place += 2
            continue
        yield place + 4
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        yield place


def _chunks(data: bytes, place: int, header: str, after: int) -> Iterator[int]:
    while place + 8 <= len(data):
        fields = struct.unpack_from(header, data, place)
        length = next(field for field in fields if isinstance(field, int))
        yield from (place, place + 4, place + 8, place + 8 + length)
        place += 8 + length + (after or length % 2)


def _boxes(data: bytes, place: int, end: int) -> Iterator[int]:
    while place + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, place)
        length = length if length >= 8 else end - place
        yield from (place, place + 4, place + 8, min(place + length, end))
        if kind in _CONTAINERS:
            yield from _boxes(data, place + 8 + _CONTAINERS[kind], min(place + length, end))
        place += length


def _directories(data: bytes) -> Iterator[int]:
    order = "<" if data[:2] == b"II" else ">"
    if struct.unpack_from(order + "H", data, 2)[0] == 43:
        yield from (4, 8, 16)
        return
    (place,) = struct.unpack_from(order + "I", data, 4)
    yield from (4, 8)
    for _ in range(_MOST_DIRECTORIES):
        if not 0 < place <= len(data) - 2:
            return
        (count,) = struct.unpack_from(order + "H", data, place)
        yield from (place, place + 2)
        for entry in range(place + 2, min(place + 2 + 12 * count, len(data) - 12), 12):
            _, kind, values, offset = struct.unpack_from(order + "HHII", data, entry)
            yield from (entry, entry + 4, entry + 8)
            if (size := _TIFF_SIZES.get(kind, 1) * values) > 4:
                yield from (offset, offset + size)
        end = place + 2 + 12 * count
        yield from (end, end + 4)
        place = struct.unpack_from(order + "I", data, end)[0] if end + 4 <= len(data) else 0


def _gif(data: bytes) -> Iterator[int]:
    palette = 3 << (data[10] % 8 + 1) if data[10] & 0x80 else 0
    place = 13 + palette
    yield from (6, 10, 13, place)
    while place < len(data) and data[place] in b"\x21\x2c":
        is_image = data[place] == 0x2C
        start = place + (10 if is_image else 2)
        if is_image:
            start += 1 + (3 << (data[place + 9] % 8 + 1) if data[place + 9] & 0x80 else 0)
        yield from (place, start)
        while start < len(data) and data[start]:
            start += 1 + data[start]
            yield start
        place = start + 1
