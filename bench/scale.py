"""What a library costs as it grows: bytes, time of a search, and hours of the first pass.

    python -m bench.scale [--thorough] [--photos 10000 100000] [--folder DIR] [--cache DIR] [--json]

Fills real tables, with embeddings of SigLIP's dimension and five tags a photo, and measures what a photo
takes in each part of the index and in the copy of the embeddings that searches read, and how long it
takes to rank all of them. The baseline of a size is the embedding as float32; that of a search, the time
in which the memory gives the bytes that it reads (an int8 row a photo and what says how exact that is),
at the bandwidth that all cores together have in the same run.

A library of ten million is computed: a straight line through what was measured, by number of photos, for
bytes and for time; and for the first pass, what a photo of a camera costs in decoding and in the tower
(`bench.bound`), on all cores. `--thorough` measures a million, too, which takes 10 GB of disk.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import packs as bench_packs
from bench.bound import measure_bound
from bench.index import CACHE
from bench.measurement import Measurement, run_benchmark
from bench.photos import KINDS, paths_in, photos
from bench.query import fill
from bench.search import DIMENSION, LIMIT, Library, least_ms, sizes
from photond.models.towers import available_cores
from photond.search.ranking import Direction, Rankings
from photond.store import packs
from photond.store.copying import refresh
from photond.store.database import Connection, open_index, snapshot, transaction
from photond.store.vector_file import vector_file
from photond.store.vector_layout import Layout

COMPUTED = (1_000_000, 10_000_000)
TAGS = 5
VECTOR_BYTES = 4 * DIMENSION
INDEX, COPY, SEARCH, READ = "index", "copy of the embeddings", "search", "what a search reads"
_READ_BYTES = 1 << 28
_DAY_HOURS = 24.0
# By what a table's or an index's name begins with; everything else is of photos and files.
_PARTS = {
    "embeddings_": "embeddings",
    "tags": "tags",
    "file_names": "names",
    "folder_names": "names",
    "embedding_changes": "log of embeddings",
}


@dataclass(frozen=True, slots=True)
class Size:
    """What a library of a number of photos takes.

    Attributes:
        photos: How many.
        parts: Bytes of the index, by part; they add up to its file.
        copy: Bytes of the copy of the embeddings.
        search: Milliseconds to rank all photos and take the best.
    """

    photos: int
    parts: Mapping[str, int]
    copy: int
    search: float

    @property
    def index(self) -> int:
        """Bytes of the index."""
        return sum(self.parts.values())


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `measure` wants to know."""
    parser.add_argument(
        "--photos", type=int, nargs="+", help="two sizes or more, each of 4,000 or more"
    )
    parser.add_argument("--folder", type=Path, help="where the index is made, and removed again")
    parser.add_argument("--cache", type=Path, default=CACHE, help="keeps photos and packs")
    parser.add_argument("--thorough", action="store_true", help="a million photos, too")


def measure(options: argparse.Namespace) -> list[Measurement]:
    """Some sizes as they are, and larger ones as they are to be expected."""
    measured = []
    for count in sizes(options):
        with tempfile.TemporaryDirectory(prefix="scale-", dir=options.folder) as folder:
            measured.append(size_of(Path(folder, "index.db"), count))
    bandwidth = memory_bandwidth()
    computed = [
        expected(measured, count)
        for count in COMPUTED
        if count > max(one.photos for one in measured)
    ]
    found = [
        row
        for sizes_, how in ((measured, ""), (computed, ", computed"))
        for one in sizes_
        for row in rows_of(one, f"{one.photos:,} photos{how}", bandwidth)
    ]
    return [*found, *parts_in(measured[-1]), *first_passes(options)]


def size_of(database: Path, count: int) -> Size:
    """Fill an index with so many photos, and measure it."""
    library = Library(count)
    with closing(open_index(database, create=True)) as connection:
        with transaction(connection):
            stored = packs.add_pack(connection, "scale", "scale", DIMENSION)
            connection.executemany(
                "insert into labels (name) values (?)",
                ((f"label {number}",) for number in range(500)),
            )
        fill(database, count, library.photos(), TAGS)
        with snapshot(connection):
            refresh(connection, database, stored.id)
            rankings = Rankings(database)

            def ask(wanted: np.ndarray) -> object:
                best = rankings.at(connection, stored.id).best(Direction(wanted))
                return next(best)[:LIMIT]

            ask(library.text_questions[0])
            search = least_ms(ask, library.text_questions)
            rankings.let_go()
            copy = vector_file(database, stored.id).stat().st_blocks * 512
            return Size(count, parts_of(connection), copy, search)


def parts_of(connection: Connection) -> dict[str, int]:
    """The bytes of each part of an index, free pages left out."""
    parts = dict.fromkeys(["photos and files", *_PARTS.values()], 0)
    for name, table, used in connection.execute(
        """
        select dbstat.name, coalesce(tbl_name, dbstat.name), sum(pgsize)
        from dbstat left join sqlite_schema on sqlite_schema.name = dbstat.name
        group by dbstat.name
        """
    ):
        assert name
        begins = (part for begin, part in _PARTS.items() if str(table).startswith(begin))
        parts[next(begins, "photos and files")] += used
    return parts


def memory_bandwidth() -> float:
    """Bytes a second that all cores together read from memory, the most of some tries."""
    cores = available_cores()
    array = np.ones(_READ_BYTES // 8, np.int64)
    pieces = np.array_split(array, cores)
    with ThreadPoolExecutor(cores) as pool:

        def seconds() -> float:
            started = time.perf_counter()
            list(pool.map(np.max, pieces))
            return time.perf_counter() - started

        return array.nbytes / min(seconds() for _ in range(8))


def read_bytes() -> int:
    """What a search reads of each photo: of a row of the copy all but the float32 vector."""
    fields = {name: kind for name, kind in Layout(DIMENSION).fields.items() if name != "vectors"}
    return sum(np.dtype(dtype).itemsize * width for dtype, width in fields.values())


def expected(measured: Sequence[Size], count: int) -> Size:
    """A library of another size: on the straight line through those that were measured."""
    counts = [one.photos for one in measured]

    def at(values: Sequence[float]) -> float:
        slope, fixed = np.polyfit(counts, values, 1)
        return float(slope * count + fixed)

    return Size(
        count,
        {part: round(at([one.parts[part] for one in measured])) for part in measured[0].parts},
        round(at([one.copy for one in measured])),
        at([one.search for one in measured]),
    )


def rows_of(one: Size, case: str, bandwidth: float) -> list[Measurement]:
    """What a size comes to, for each photo and as a whole."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    read = one.photos * read_bytes()
    return [
        _a_photo(f"{case}: {INDEX}", one.index, one.photos),
        _a_photo(f"{case}: {COPY}", one.copy, one.photos),
        Measurement(
            "scale",
            f"{case}: {SEARCH}",
            one.search,
            read / bandwidth * 1e3,
            "ms",
            f"reading {read / 1e6:,.0f} MB from memory",
        ),
        Measurement(
            "scale",
            f"{case}: {READ}",
            read / 1e9,
            memory / 1e9,
            "GB",
            "this machine's memory",
        ),
    ]


def parts_in(one: Size) -> list[Measurement]:
    """What a photo takes in each part of the index."""
    return [
        _a_photo(f"{one.photos:,} photos: {INDEX}, {part}", used, one.photos)
        for part, used in one.parts.items()
    ]


def _a_photo(case: str, used: int, count: int) -> Measurement:
    is_ = "its embedding as float32"
    return Measurement("scale", case, used / count, VECTOR_BYTES, "B a photo", is_)


def first_passes(options: argparse.Namespace) -> list[Measurement]:
    """How long the first pass over the largest library takes at the least, on all cores."""
    names = bench_packs.MINI, bench_packs.INT8
    cores = sorted(os.sched_getaffinity(0))
    period = KINDS["camera"].period
    paths = sorted(paths_in(photos("camera", period, options.cache)))
    found = []
    for name in names if options.thorough else names[:1]:
        pack = bench_packs.find(name, options.cache)
        bound = measure_bound(pack.folder, paths, cores)
        hours = COMPUTED[-1] * bound.seconds / len(cores) / 3600
        case = f"{COMPUTED[-1]:,} photos, computed: first pass, camera, {name}"
        found.append(Measurement("scale", case, hours, _DAY_HOURS, "h", "a day"))
    return found


if __name__ == "__main__":
    run_benchmark(__doc__, add_options, measure)
