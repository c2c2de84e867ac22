"""The file of vectors beside the index: reading it, and writing it so that it stays whole.

- Rows are only ever added. A row says in which states of the embeddings it is there: from `since`
  until before `until`, sequence numbers of `photond.store.changes`. So one file answers for the state
  that it was brought to and for those before, back to the one that it was made from.
- What counts is what the header says. Rows are written and on the disk before the header has them, and
  the header is two slots that are written in turn, so that one of them is whole at any moment.
- It is read by mapping and written by `pwrite`: a full disk is an error then, and not a signal.
"""

import mmap
import os
import struct
import weakref
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from photond.config.ownership import distrust
from photond.store.embeddings import Embedding
from photond.store.quantised import QuantisedRows, quantise_rows
from photond.store.vector_layout import BLOCK_ROWS, SLOT_BYTES, UNKNOWN, Header, Layout, unpacked

Ids = npt.NDArray[np.int64]


def vector_file(database: Path, pack_id: int) -> Path:
    """Where the copy of a pack's embeddings is."""
    return database.with_name(f"{database.name}-vectors-{pack_id:d}")


def remove_vector_file(database: Path, pack_id: int) -> None:
    """Remove the copy of a pack's embeddings, if there is one."""
    vector_file(database, pack_id).unlink(missing_ok=True)


class NoVectorFileError(Exception):
    """A file is not there, not whole, or of another kind; it is only a copy and can be made again."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that are to be written; arrays of length n.

    Attributes:
        ids: Of contents, int64.
        since: From which state on they are there, int64.
        until: From which state on they are not, int64.
        vectors: float32 of shape (n, dimension).
    """

    ids: Ids
    since: Ids
    until: Ids
    vectors: Embedding


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a file, mapped: arrays of BLOCK_ROWS rows, of which the header says how many count.

    Attributes:
        memory: What the arrays lie in.
        vectors_at: Where `vectors` begins in it.
    """

    ids: Ids
    since: Ids
    until: Ids
    scales: npt.NDArray[np.float32]
    lost: npt.NDArray[np.float32]
    sums: npt.NDArray[np.uint32]
    codes: npt.NDArray[np.int8]
    vectors: Embedding
    memory: mmap.mmap
    vectors_at: int

    def announce(self, slots: npt.NDArray[np.intp]) -> None:
        """Have the kernel read the vectors of some rows, all at once if it has to ask the disk."""
        width = self.vectors.itemsize * self.vectors.shape[1]
        for offset in (self.vectors_at + slots * width).tolist():
            start = offset - offset % mmap.PAGESIZE
            self.memory.madvise(mmap.MADV_WILLNEED, start, offset + width - start)


class VectorFile:
    """An open file of vectors.

    Args:
        path: The file.
        writable: Whether rows will be added.

    Raises:
        NoVectorFileError: There is none that is whole.
        OSError: It cannot be opened or read.
    """

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        self._path = path
        self._is_writable = writable
        try:
            # Neither through a link, nor waiting for a pipe.
            flags = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            self._file = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | flags)
        except FileNotFoundError:
            raise NoVectorFileError(f"{path} is not there") from None
        # When nobody has it any more, at the latest.
        self._close = weakref.finalize(self, os.close, self._file)
        self._blocks: list[Block] = []
        try:
            self._require_ours()
            self.header = self._read_header()
        except BaseException:
            self._close()
            raise
        self._layout = Layout(self.header.dimension)

    def close(self) -> None:
        """Close the file; blocks that are still used stay mapped until they are not."""
        self._blocks = []
        self._close()

    @property
    def is_replaced(self) -> bool:
        """Whether there is another file at the path by now, or none."""
        try:
            there = self._path.stat()
        except OSError:
            return True
        here = os.fstat(self._file)
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    def look_again(self) -> None:
        """Take over what another process has added.

        Raises:
            NoVectorFileError: The file is not whole any more.
        """
        self.header = self._read_header()

    def blocks(self) -> list[Block]:
        """All blocks with rows that count, mapped."""
        blocks = self.header.blocks
        if len(self._blocks) < blocks:
            self._blocks += self._map(len(self._blocks), blocks)
        return self._blocks[:blocks]

    def column(self, field: str) -> Ids:
        """`ids`, `since` or `until` of all rows that count, int64 of shape (rows,)."""
        # Nothing else of a block is touched: what was never written may have no place on a full disk.
        parts = [
            getattr(block, field)[: self.header.rows - number * BLOCK_ROWS]
            for number, block in enumerate(self.blocks())
        ]
        return np.concatenate([*parts, np.empty(0, np.int64)])

    def knows(self, sequence: int) -> bool:
        """Whether the file can answer for a state: one of its own history that is not too old."""
        header = self.header
        if sequence in (header.base, header.sequence):
            return True
        if not header.base < sequence < header.sequence:
            return False
        since, until = self.column("since"), self.column("until")
        there = (since <= sequence) & (until > sequence)
        return bool(
            ((since == sequence) | (until == sequence)).any()
            and not (there & (self.column("ids") == UNKNOWN)).any()
        )

    def writer(self) -> "VectorWriter":
        """Adds rows to this file, which is open for writing."""
        return VectorWriter(self._file, self.header)

    def _require_ours(self) -> None:
        if distrust(self._path, os.fstat(self._file)) is not None:
            raise NoVectorFileError(f"{self._path} could be somebody else's")

    def _read_header(self) -> Header:
        slots = os.pread(self._file, 2 * SLOT_BYTES, 0)
        headers = [unpacked(slots[start:]) for start in (0, SLOT_BYTES)]
        whole = [header for header in headers if header is not None]
        if not whole:
            raise NoVectorFileError(f"{self._path} is no file of vectors, or of another version")
        header = max(whole, key=lambda header: header.commits)
        if os.fstat(self._file).st_size < Layout(header.dimension).block(header.blocks):
            raise NoVectorFileError(f"{self._path} is shorter than it says")
        return header

    def _map(self, start: int, end: int) -> list[Block]:
        layout = self._layout
        # In one piece, because each keeps a descriptor of its own.
        memory = mmap.mmap(
            self._file,
            (end - start) * layout.block_bytes,
            mmap.MAP_SHARED,
            mmap.PROT_READ,
            offset=layout.block(start),
        )
        vectors = layout.region("vectors")
        for offset in range(0, len(memory), layout.block_bytes):
            # Everything but the vectors is read for each question, and of those a few here and there.
            if not self._is_writable:
                memory.madvise(mmap.MADV_WILLNEED, offset, vectors)
            memory.madvise(mmap.MADV_RANDOM, offset + vectors, layout.block_bytes - vectors)
        return [
            Block(**layout.arrays(memory, offset), memory=memory, vectors_at=offset + vectors)
            for offset in range(0, len(memory), layout.block_bytes)
        ]


class VectorWriter:
    """Adds rows to a file that is open for writing; nothing counts before `commit`.

    Args:
        descriptor: Of the file.
        header: What counts by now.
    """

    def __init__(self, descriptor: int, header: Header) -> None:
        self._descriptor = descriptor
        self._layout = Layout(header.dimension)
        self._header = header
        self._rows = header.rows

    def add(self, rows: Rows) -> None:
        """Write rows behind the others.

        Raises:
            OSError: The disk is full, or fails.
        """
        start = 0
        while start < len(rows.ids):
            number, slot = divmod(self._rows, BLOCK_ROWS)
            end = min(len(rows.ids), start + BLOCK_ROWS - slot)
            piece = slice(start, end)
            vectors = np.ascontiguousarray(rows.vectors[piece], "<f4")
            quantised = quantise_rows(vectors)
            block = _as_written(rows, piece, vectors, quantised)
            if slot == 0:
                os.truncate(self._descriptor, self._layout.block(number + 1))
            for field, (dtype, width) in self._layout.fields.items():
                offset = slot * width * np.dtype(dtype).itemsize
                self._write(
                    block[field].astype(dtype, copy=False).tobytes(),
                    self._layout.block(number) + self._layout.region(field) + offset,
                )
            self._rows += end - start
            start = end

    def end(self, row: int, until: int) -> None:
        """Say from which state on a row is not there.

        Raises:
            OSError: The disk is full, or fails.
        """
        number, slot = divmod(row, BLOCK_ROWS)
        offset = self._layout.block(number) + self._layout.region("until") + slot * 8
        self._write(struct.pack("<q", until), offset)

    def commit(self, sequence: int) -> None:
        """Let everything count that was written: the file is brought to a state.

        Raises:
            OSError: The disk is full, or fails.
        """
        os.fdatasync(self._descriptor)
        self._header = replace(
            self._header, commits=self._header.commits + 1, rows=self._rows, sequence=sequence
        )
        self._write(self._header.packed(), self._header.commits % 2 * SLOT_BYTES)
        os.fdatasync(self._descriptor)

    def _write(self, data: bytes, offset: int) -> None:
        while data:
            written = os.pwrite(self._descriptor, data, offset)
            data, offset = data[written:], offset + written


def sums_of(vectors: Embedding) -> npt.NDArray[np.uint32]:
    """What tells whether vectors are as they were written: the sums of their bits as numbers."""
    words = np.ascontiguousarray(vectors, "<f4").view("<u4")
    sums: npt.NDArray[np.uint32] = words.sum(axis=1, dtype=np.uint32)
    return sums


def _as_written(
    rows: Rows, piece: slice, vectors: Embedding, quantised: QuantisedRows
) -> dict[str, npt.NDArray[np.generic]]:
    return {
        "ids": rows.ids[piece],
        "since": rows.since[piece],
        "until": rows.until[piece],
        "scales": quantised.scales,
        "lost": quantised.lost,
        "sums": sums_of(vectors),
        "codes": quantised.codes,
        "vectors": vectors,
    }
