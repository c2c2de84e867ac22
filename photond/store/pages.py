"""Reading SQLite's pages past SQLite, which gives up at the first one that is spoilt. Pure.

A file is pages of one size. The rows of a table or index are in the leaves of a tree of pages (in the
inner pages as well where a table is `without rowid`); what does not fit into a leaf stands in a chain of
overflow pages, each beginning with the number of the next. https://sqlite.org/fileformat2.html
"""

import mmap
import struct
from collections.abc import Generator, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

Value = int | float | str | bytes | None

_MAGIC = b"SQLite format 3\x00"
_USUAL_PAGE = 4096
_INNER_INDEX, _INNER_TABLE, _LEAF_INDEX, _LEAF_TABLE = 2, 5, 10, 13
_INNER = (_INNER_INDEX, _INNER_TABLE)
_FIXED_SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)
_REAL = 7


class _SpoiltError(Exception):
    """A page or a cell is not what it must be."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table, or an entry of an index.

    Attributes:
        rowid: None in an index, and in a table without rowids.
        values: As they are stored: None where a column is the rowid.
        is_whole: Whether all of it was there; zeros stand at the end of the last value otherwise.
    """

    rowid: int | None
    values: tuple[Value, ...]
    is_whole: bool = True


@dataclass(slots=True)
class Found:
    """What was come by on the way.

    Attributes:
        pages: Those that belong to trees.
        spoilt: Those of which something could not be read.
    """

    pages: set[int] = field(default_factory=set)
    spoilt: set[int] = field(default_factory=set)


class PagedFile:
    """The pages of a database's file.

    Args:
        data: All of the file.
    """

    def __init__(self, data: mmap.mmap | bytes) -> None:
        self._data = data
        size = int.from_bytes(data[16:18], "big")
        size = 65536 if size == 1 else size
        self.has_header = data[:16] == _MAGIC and size >= 512 and not size & (size - 1)  # noqa: PLR2004
        self._size = size if self.has_header else _USUAL_PAGE
        self._usable = self._size - (data[20] if self.has_header else 0)
        self.count = len(data) // self._size

    def rows(self, root: int, found: Found) -> Iterator[Row]:
        """The rows below a page, in order, of all pages that can be read.

        Args:
            root: The number of the page, from 1 on.
            found: Is added to; pages that are in it already are passed over.
        """
        waiting = [root]
        while waiting:
            number = waiting.pop()
            if number in found.pages:
                continue
            found.pages.add(number)
            try:
                below = yield from self._page(number, found)
            except (_SpoiltError, struct.error, IndexError):
                found.spoilt.add(number)
                continue
            waiting += reversed(below)

    def unused(self) -> set[int]:
        """The pages that hold nothing, as far as the list of them can be read."""
        unused: set[int] = set()
        trunk = int.from_bytes(self._data[32:36], "big") if self.has_header else 0
        while 1 < trunk <= self.count and trunk not in unused:
            unused.add(trunk)
            page = self._bytes(trunk)
            trunk, count = struct.unpack_from(">II", page)
            count = min(count, self._usable // 4 - 2)
            unused.update(struct.unpack_from(f">{count}I", page, 8))
        return unused

    def strays(self, known: AbstractSet[int]) -> Iterator[int]:
        """The pages that look as if they had rows, but for those that are known."""
        for number in range(1, self.count + 1):
            kind = self._data[self._start(number)]
            if number not in known and kind in (_LEAF_TABLE, _LEAF_INDEX, _INNER_INDEX):
                yield number

    def page_rows(self, number: int) -> Iterator[Row]:
        """The rows of one page alone."""
        found = Found()
        try:
            yield from self._page(number, found)
        except (_SpoiltError, struct.error, IndexError):
            return

    def _start(self, number: int) -> int:
        """Where the header of a page's tree begins in the file."""
        return (number - 1) * self._size + (100 if number == 1 else 0)

    def _bytes(self, number: int) -> bytes:
        return self._data[(number - 1) * self._size : (number - 1) * self._size + self._usable]

    def _page(self, number: int, found: Found) -> Generator[Row, None, list[int]]:
        """Yields the rows of a page; returns the pages below it, from left to right."""
        if not 1 <= number <= self.count:
            raise _SpoiltError
        page, start = self._bytes(number), 100 if number == 1 else 0
        kind, _, cells = struct.unpack_from(">BHH", page, start)
        if kind not in (*_INNER, _LEAF_INDEX, _LEAF_TABLE):
            raise _SpoiltError
        first = start + (12 if kind in _INNER else 8)
        places = struct.unpack_from(f">{cells}H", page, first)
        below: list[int] = []
        for place in places:
            try:
                if kind in _INNER:
                    below.append(int.from_bytes(page[place : place + 4], "big"))
                if kind != _INNER_TABLE:
                    yield self._row(page, place + 4 * (kind == _INNER_INDEX), kind == _LEAF_TABLE)
            except (_SpoiltError, struct.error, IndexError, ValueError):
                found.spoilt.add(number)
        if kind in _INNER:
            below.append(int.from_bytes(page[start + 8 : start + 12], "big"))
        return below

    def _row(self, page: bytes, place: int, has_rowid: bool) -> Row:  # noqa: FBT001 - of the format
        size, place = _varint(page, place)
        rowid = None
        if has_rowid:
            rowid, place = _varint(page, place)
            rowid -= (rowid >> 63) << 64
        if not 0 < size <= len(self._data):
            raise _SpoiltError
        local = self._local(size, has_rowid)
        payload = page[place : place + local]
        if len(payload) < local:
            raise _SpoiltError
        is_whole = True
        if local < size:
            (following,) = struct.unpack_from(">I", page, place + local)
            rest = self._overflow(following, size - local)
            is_whole = len(rest) == size - local
            payload += rest.ljust(size - local, b"\0")
        return Row(rowid, _record(payload), is_whole)

    def _local(self, size: int, has_rowid: bool) -> int:  # noqa: FBT001
        """How much of a row of so many bytes stands in the leaf."""
        most = self._usable - 35 if has_rowid else (self._usable - 12) * 64 // 255 - 23
        least = (self._usable - 12) * 32 // 255 - 23
        if size <= most:
            return size
        fitting = least + (size - least) % (self._usable - 4)
        return fitting if fitting <= most else least

    def _overflow(self, page: int, size: int) -> bytes:
        """What stands in a chain of pages, as far as it is one.

        Where the number of the next page is spoilt, it is taken to be the one behind, as it is where the
        chain was written at once; if that does not lead to the end of a chain, it was none.
        """
        rest = bytearray()
        sure: int | None = None
        while len(rest) < size:
            if not 1 < page <= self.count:
                break
            content = self._bytes(page)
            following = int.from_bytes(content[:4], "big")
            rest += content[4 : 4 + size - len(rest)]
            is_last = len(rest) == size
            if not is_last and not 1 < following <= self.count:
                sure = len(rest) if sure is None else sure
                following = page + 1
            elif is_last and following and sure is not None:
                break
            page = following
        else:
            return bytes(rest)
        return bytes(rest[:sure])


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number in 1 to 9 bytes, not negative, and where it ends."""
    value = 0
    for count in range(8):
        byte = data[place + count]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004
            return value, place + count + 1
    return value << 8 | data[place + 8], place + 9


def _record(payload: bytes) -> tuple[Value, ...]:
    """The values of a row."""
    end, place = _varint(payload, 0)
    kinds = []
    while place < end:
        kind, place = _varint(payload, place)
        kinds.append(kind)
    if place != end or sum(map(_size_of, kinds)) != len(payload) - end:
        raise _SpoiltError
    values = []
    for kind in kinds:
        size = _size_of(kind)
        values.append(_value(kind, payload[place : place + size]))
        place += size
    return tuple(values)


def _size_of(kind: int) -> int:
    if kind < len(_FIXED_SIZES):
        return _FIXED_SIZES[kind]
    if kind < 12:  # noqa: PLR2004 - 10 and 11 are for SQLite's own use
        raise _SpoiltError
    return (kind - 12) // 2


def _value(kind: int, data: bytes) -> Value:
    if kind >= 12:  # noqa: PLR2004
        return data.decode() if kind % 2 else data
    if kind == 0:
        return None
    if kind == _REAL:
        value: float = struct.unpack(">d", data)[0]
        return value
    return kind - 8 if not data else int.from_bytes(data, "big", signed=True)
