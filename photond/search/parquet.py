"""Photos as an Apache Parquet file, for programs that are made for many of them.

Importing this needs the packages of the extra `export`; everything else of photond does without.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from arro3.core import (
    Array,
    DataType,
    Field,
    RecordBatch,
    RecordBatchReader,
    Schema,
    fixed_size_list_array,
    list_array,
    struct_array,
)
from arro3.io import write_parquet

from photond.search.library import Known

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Of the embeddings; rows are gathered into groups of so many bytes, and at most two are in memory.
_GROUP_BYTES = 50_000_000
_NUMBERS = ("embedding", "list", "item")


def write_photos(
    photos: Iterable[Known], out: BinaryIO, dimension: int, about: Mapping[str, str]
) -> int:
    """Write photos in groups of rows, so that no more than some of them are in memory.

    Args:
        photos: What to write; it is read as it is written.
        out: Where to; only written to.
        dimension: Of the embeddings.
        about: What the file says of itself, as key-value metadata.

    Returns:
        How many rows were written.

    Raises:
        BaseException: Whatever reading the photos or writing the file raises.
    """
    columns = _columns(dimension)
    stream = _Stream(out)
    try:
        write_parquet(
            RecordBatchReader.from_batches(
                Schema([column.field for column in columns]), stream.batches(photos, columns)
            ),
            stream,
            max_row_group_size=max(1, _GROUP_BYTES // (4 * dimension)),
            compression="zstd(1)",
            # The bytes of equal rank of all numbers side by side: a sixth smaller, and no slower.
            column_encoding={_NUMBERS: "byte_stream_split"},
            column_dictionary_enabled={_NUMBERS: False},
            key_value_metadata=dict(about),
        )
    except Exception:
        stream.check()
        raise
    stream.check()
    return stream.rows


class _Stream(io.RawIOBase):
    """What goes into the writer and comes out of it.

    Whatever is raised in here, an interruption as well, would reach the caller as an exception of the
    writer's that only quotes it, or as a panic. So it is kept, the writer is brought to its end, and
    `check` raises it.

    Args:
        out: What the writer writes goes there.
    """

    def __init__(self, out: BinaryIO) -> None:
        super().__init__()
        self.rows = 0
        self._out = out
        self._failure: BaseException | None = None

    def batches(
        self, photos: Iterable[Known], columns: Sequence["_Column"]
    ) -> Iterator[RecordBatch]:
        """The photos as the writer takes them, as long as nothing has failed."""
        schema = Schema([column.field for column in columns])
        try:
            for known in photos:
                self.check()
                if known.facts:
                    arrays = [column.of(known) for column in columns]
                    self.rows += len(known.facts)
                    yield RecordBatch.from_arrays(arrays, schema=schema)
        except BaseException as error:
            self._failure = error
            raise

    def write(self, data: "Buffer") -> int:
        """Take some bytes of the file; after a failure they are dropped."""
        if self._failure is None:
            try:
                self._out.write(data)
            except BaseException as error:  # noqa: BLE001 - `check` raises it
                self._failure = error
        return memoryview(data).nbytes

    def check(self) -> None:
        """Raise what failed, if anything did."""
        if self._failure is not None:
            raise self._failure


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of the file, and how it is filled."""

    field: Field
    of: Callable[[Known], Array]


def _columns(dimension: int) -> list[_Column]:
    """The columns in their order; docs/export.md says what each is."""
    text = DataType.utf8()
    tag = (
        Field("tag", text, nullable=False),
        Field("confidence", DataType.float32(), nullable=False),
    )
    tags = _list_of(DataType.struct(tag))
    return [
        _Column(Field("path", text, nullable=False), lambda known: Array(_shown(known), text)),
        _lists("files", DataType.binary(), _names),
        _Column(
            Field("offline", DataType.bool(), nullable=False),
            lambda known: Array([places[0].offline for places in known.places], DataType.bool()),
        ),
        _fact("sha256", text),
        _fact("size", DataType.int64()),
        _fact("format", text),
        _fact("width", DataType.int32()),
        _fact("height", DataType.int32()),
        _Column(
            Field("taken_at", DataType.timestamp("us")),
            lambda known: Array([one.taken_at for one in known.facts], text).cast(
                DataType.timestamp("us")
            ),
        ),
        _fact("utc_offset_minutes", DataType.int32(), nullable=True),
        _fact("camera", text, nullable=True),
        _fact("lens", text, nullable=True),
        _fact("latitude", DataType.float64(), nullable=True),
        _fact("longitude", DataType.float64(), nullable=True),
        _Column(Field("tags", tags, nullable=False), lambda known: _given_tags(known, tag, tags)),
        _lists("user_tags", text, _own_tags),
        _embeddings(dimension),
    ]


def _list_of(item: DataType, size: int | None = None) -> DataType:
    return DataType.list(Field("item", item, nullable=False), size)


def _fact(name: str, kind: DataType, *, nullable: bool = False) -> _Column:
    """A column that the photos say themselves."""
    return _Column(
        Field(name, kind, nullable=nullable),
        lambda known: Array([getattr(one, name) for one in known.facts], kind),
    )


def _lists(
    name: str, item: DataType, lists: Callable[[Known], Sequence[Sequence[bytes | str]]]
) -> _Column:
    """A column of lists."""
    kind = _list_of(item)

    def of(known: Known) -> Array:
        rows = lists(known)
        return list_array(_offsets(rows), Array(list(chain(*rows)), item), type=kind)

    return _Column(Field(name, kind, nullable=False), of)


def _embeddings(dimension: int) -> _Column:
    kind = _list_of(DataType.float32(), dimension)

    def of(known: Known) -> Array:
        return fixed_size_list_array(
            Array.from_numpy(known.embeddings.reshape(-1)), dimension, type=kind
        )

    return _Column(Field("embedding", kind, nullable=False), of)


def _given_tags(known: Known, fields: Sequence[Field], kind: DataType) -> Array:
    """The tags that the model gave, the surest first."""
    rows = [[tag for tag in tags if not tag.by_user] for tags in known.tags]
    every = list(chain(*rows))
    parts = [
        Array([tag.label for tag in every], fields[0].type),
        Array([tag.confidence for tag in every], fields[1].type),
    ]
    return list_array(_offsets(rows), struct_array(parts, fields=fields), type=kind)


def _own_tags(known: Known) -> list[list[str]]:
    return [[tag.label for tag in tags if tag.by_user] for tags in known.tags]


def _names(known: Known) -> list[list[bytes]]:
    """Where each photo is, as the bytes that its paths are."""
    return [[os.fsencode(place.path) for place in places] for places in known.places]


def _shown(known: Known) -> list[str]:
    """The first place of each photo, as text; bytes that are none stand as U+FFFD."""
    return [os.fsencode(places[0].path).decode("utf-8", "replace") for places in known.places]


def _offsets(rows: Sequence[Sequence[object]]) -> Array:
    """Where in all of them together each list begins, and the last one ends."""
    return Array.from_numpy(np.cumsum([0, *map(len, rows)], dtype=np.int32))
