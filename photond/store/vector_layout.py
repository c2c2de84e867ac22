"""How a file of vectors is laid out: its header, and what lies where. Pure.

docs/database.md describes it for whoever reads such a file without this code.
"""

import mmap
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# How many rows a block has.
BLOCK_ROWS = 4096
# What `until` says as long as a row is there.
NEVER = np.iinfo(np.int64).max

# The id in rows of which nothing is known but that a content came and went between two refreshes.
UNKNOWN = 0

_MAGIC = b"photondv"
_VERSION = 1
# Of everything that is mapped: no processor's pages are larger.
_ALIGNMENT = 65_536
_HEADER = struct.Struct("<8sIIIIQqqq")
_CHECKSUM = struct.Struct("<I")
SLOT_BYTES = 4096
# What a row has a vector of.
_WIDE = ("codes", "vectors")


@dataclass(frozen=True, slots=True)
class Header:
    """What counts of a file.

    Attributes:
        dimension: How many numbers a vector has.
        commits: How often the file was written.
        rows: How many rows count.
        base: The state that the file was made from, the oldest that it can answer for.
        sequence: The state that it was brought to, the newest.
    """

    dimension: int
    commits: int
    rows: int
    base: int
    sequence: int

    @property
    def blocks(self) -> int:
        """How many blocks the rows take."""
        return -(-self.rows // BLOCK_ROWS)

    def packed(self) -> bytes:
        """As it stands in its slot."""
        fields = _HEADER.pack(
            _MAGIC, _VERSION, self.dimension, BLOCK_ROWS, 0,
            self.commits, self.rows, self.base, self.sequence,
        )  # fmt: skip
        return fields + _CHECKSUM.pack(zlib.crc32(fields))


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things lie in a file of a dimension; offsets and sizes in bytes."""

    dimension: int

    def region(self, field: str) -> int:
        """Where a field's array begins in a block."""
        offset = 0
        for name, (dtype, width) in self.fields.items():
            if name == field:
                break
            offset += _aligned(BLOCK_ROWS * width * np.dtype(dtype).itemsize)
        return offset

    @property
    def fields(self) -> dict[str, tuple[str, int]]:
        """The fields of a row in order: dtype, and how many of them."""
        return {
            "ids": ("<i8", 1),
            "since": ("<i8", 1),
            "until": ("<i8", 1),
            "scales": ("<f4", 1),
            "lost": ("<f4", 1),
            "sums": ("<u4", 1),
            "codes": ("i1", self.dimension),
            "vectors": ("<f4", self.dimension),
        }

    @property
    def block_bytes(self) -> int:
        """How long a block is."""
        return sum(
            _aligned(BLOCK_ROWS * width * np.dtype(dtype).itemsize)
            for dtype, width in self.fields.values()
        )

    def block(self, number: int) -> int:
        """Where a block begins."""
        return _ALIGNMENT + number * self.block_bytes

    def arrays(self, memory: mmap.mmap, offset: int) -> dict[str, npt.NDArray[Any]]:
        """The fields of the block that begins at an offset of a mapping."""
        return {
            field: np.frombuffer(
                memory, dtype, BLOCK_ROWS * width, offset + self.region(field)
            ).reshape((BLOCK_ROWS, width) if field in _WIDE else (BLOCK_ROWS,))
            for field, (dtype, width) in self.fields.items()
        }


def unpacked(slot: bytes) -> Header | None:
    """The header in a slot, if it is whole."""
    fields, rest = slot[: _HEADER.size], slot[_HEADER.size :]
    if len(rest) < _CHECKSUM.size or _CHECKSUM.unpack_from(rest)[0] != zlib.crc32(fields):
        return None
    magic, version, dimension, block_rows, _, *counts = _HEADER.unpack(fields)
    if (magic, version, block_rows) != (_MAGIC, _VERSION, BLOCK_ROWS):
        return None
    return Header(dimension, *counts)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
