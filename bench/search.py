"""How long ranking a library takes, against multiplying everything and against sqlite-vec.

    python -m bench.search [--photos 10000 100000] [--json]
    python -m bench.search --thorough --folder /somewhere/with/10/GB     # a million photos, too

Fills an index with synthetic embeddings: clusters in a narrow cone with a decaying spectrum, as those of
photos lie. Half of the questions are such photos, half are texts, which lie far from all photos with
cosines of about 0 to 0.1, as SigLIP's do. The baselines, in the same run on the same rows, are numpy's
float32 product with a matrix that is in memory as a whole, and sqlite-vec's own search. Times are the
least of several, in milliseconds: whatever else the machine does only adds to them.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.measurement import Measurement, run_benchmark
from photond.search.ranking import Direction, Rankings
from photond.store import embeddings, packs
from photond.store.copying import refresh
from photond.store.database import Connection, open_index, snapshot, transaction
from photond.store.packs import StoredPack
from photond.store.vector_file import vector_file

DIMENSION = 768
QUESTIONS = 10
LIMIT = 20
DEEP = 5_000
ROWS_AT_ONCE = 8192
SIZES, LARGE = (10_000, 100_000), 1_000_000
RECALL = 0.99
# What a library must have for ranking to be held against the others: below, the first few milliseconds
# are what a search of any size costs.
_HELD_FROM = 100_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `measure` wants to know."""
    parser.add_argument(
        "--photos", type=int, nargs="+", help="how many, instead of the usual ones; 5,000 or more"
    )
    parser.add_argument("--folder", type=Path, help="where the index is made, and removed again")
    parser.add_argument("--thorough", action="store_true", help="a million photos, too")


def sizes(options: argparse.Namespace) -> list[int]:
    """The numbers of photos that are measured."""
    return options.photos or [*SIZES, *([LARGE] if options.thorough else [])]


def measure(options: argparse.Namespace) -> list[Measurement]:
    """Everything about some sizes of library."""
    found: list[Measurement] = []
    for photos in sizes(options):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            found += measured(Path(folder) / "index.db", photos)
    return found


def measured(database: Path, photos: int) -> list[Measurement]:
    """Everything about one size of library."""
    library = Library(photos)
    connection = open_index(database, create=True)
    with transaction(connection):
        stored = packs.add_pack(connection, "bench", "bench", DIMENSION)
        number = 0
        for vectors in library.photos():
            for vector in vectors:
                number += 1
                embeddings.add_embedding(connection, stored.id, number, vector)
    connection.execute("pragma wal_checkpoint(truncate)")
    with snapshot(connection):
        ours = ranking(connection, database, stored, library)
        theirs = baselines(connection, stored, library, ours.found)
    connection.close()
    return [*_against_others(photos, ours, theirs), *_against_itself(photos, ours, theirs)]


@dataclass(frozen=True, slots=True)
class Ours:
    """What photond takes; times in ms, sizes in MB.

    Attributes:
        build: To make the copy that is read.
        from_disk: The first search, with the copy not in the page cache.
        first: The first search of a process, with the copy in the page cache.
        warm: Of a search for each kind of question.
        file: Size of the copy on the disk.
        anonymous: Memory that a process has for it, that others do not share.
        found: The best LIMIT of each question, as content ids.
    """

    build: float
    from_disk: float
    first: float
    warm: dict[str, float]
    file: float
    anonymous: float
    found: list[list[int]]


@dataclass(frozen=True, slots=True)
class Theirs:
    """What the baselines take, in ms and MB.

    Attributes:
        recall: Which part of what numpy finds photond has found, in [0, 1].
        numpy: A product with all rows, and the best of them.
        sqlite_vec: The same question to sqlite-vec.
        matrix: Size of all rows.
    """

    recall: float
    numpy: float
    sqlite_vec: float
    matrix: float


def _against_others(photos: int, ours: Ours, theirs: Theirs) -> list[Measurement]:
    held = photos >= _HELD_FROM
    others = (("numpy", theirs.numpy, 1.0), ("sqlite-vec", theirs.sqlite_vec, 0.25))
    return [
        Measurement(
            "search",
            f"{photos:,} photos: recall at {LIMIT}",
            theirs.recall,
            1.0,
            "",
            "multiplying everything",
            at_least=RECALL,
        ),
        *(
            Measurement(
                "search",
                f"{photos:,} photos: {question}, against {other}",
                ours.warm[question],
                baseline,
                "ms",
                other,
                at_most=wanted if held else None,
            )
            for question in ("photo", "text")
            for other, baseline, wanted in others
        ),
    ]


def _against_itself(photos: int, ours: Ours, theirs: Theirs) -> list[Measurement]:
    text = ours.warm["text"]
    times = {
        "the copy made": ours.build,
        "first search, from the disk": ours.from_disk,
        "first search": ours.first,
        **{kind: warm for kind, warm in ours.warm.items() if kind not in ("photo", "text")},
    }
    megabytes = {"the copy on the disk": ours.file, "memory of a process": ours.anonymous}
    return [
        *(
            Measurement("search", f"{photos:,} photos: {what}", took, text, "ms", "a text")
            for what, took in times.items()
        ),
        *(
            Measurement(
                "search", f"{photos:,} photos: {what}", size, theirs.matrix, "MB", "float32"
            )
            for what, size in megabytes.items()
        ),
    ]


class Library:
    """A mixture of clusters, and what is asked of it."""

    def __init__(self, photos: int) -> None:
        self.count = photos
        random = np.random.default_rng(7)
        spectrum = np.arange(1, DIMENSION + 1) ** -0.5
        turn = np.linalg.qr(random.normal(size=(DIMENSION, DIMENSION)))[0]
        self._spread = (spectrum[:, np.newaxis] * turn).astype(np.float32)
        self._mean = unit(random.normal(size=DIMENSION))
        self._centres = unit(random.normal(size=(1000, DIMENSION)) @ self._spread)
        self._weights = random.dirichlet(np.full(len(self._centres), 0.5))
        self.photo_questions = self._draw(random, QUESTIONS)
        apart = unit(random.normal(size=(QUESTIONS, DIMENSION)))
        about = self._centres[random.integers(0, len(self._centres), QUESTIONS)]
        self.text_questions = unit(apart + 0.12 * about)

    def photos(self) -> Iterator[np.ndarray]:
        """The same photos each time, in pieces of shape (n, DIMENSION)."""
        random = np.random.default_rng(11)
        for start in range(0, self.count, ROWS_AT_ONCE):
            yield self._draw(random, min(ROWS_AT_ONCE, self.count - start))

    def _draw(self, random: np.random.Generator, count: int) -> np.ndarray:
        centres = self._centres[random.choice(len(self._centres), count, p=self._weights)]
        noise = unit(random.standard_normal((count, DIMENSION), np.float32) @ self._spread)
        return unit(0.7 * self._mean + 0.5 * centres + 0.35 * noise)


def ranking(connection: Connection, database: Path, stored: StoredPack, library: Library) -> Ours:
    """What photond does: the copy made, opened and asked."""
    before = memory()
    build = seconds(lambda: refresh(connection, database, stored.id))
    file = vector_file(database, stored.id)
    rankings = Rankings(database)
    photo, text = library.photo_questions, library.text_questions

    def ask(
        wanted: np.ndarray, unwanted: np.ndarray | None = None, among: np.ndarray | None = None
    ) -> list[int]:
        liked = None if unwanted is None else wanted
        direction = Direction(wanted, liked, unwanted)
        batch = next(rankings.at(connection, stored.id).best(direction, among))
        return [id_ for id_, _ in batch[:LIMIT]]

    def page(wanted: np.ndarray) -> None:
        seen = 0
        for batch in rankings.at(connection, stored.id).best(Direction(wanted)):
            seen += len(batch)
            if seen >= DEEP:
                return

    evict(file)
    from_disk = seconds(lambda: ask(text[0]))
    rankings.let_go()
    opened = seconds(lambda: ask(text[0]))
    tenth = np.arange(1, library.count, 10)
    thousandth = tenth[::100]
    warm = {
        "photo": least_ms(ask, photo),
        "text": least_ms(ask, text),
        "text with one negative": least_ms(lambda wanted: ask(wanted, photo[:1]), text),
        "text among a tenth": least_ms(lambda wanted: ask(wanted, None, tenth), text),
        "text among a thousandth": least_ms(lambda wanted: ask(wanted, None, thousandth), text),
        f"text, the best {DEEP:,}": least_ms(page, text),
    }
    after = memory()
    return Ours(
        build * 1e3,
        from_disk * 1e3,
        opened * 1e3,
        warm,
        file.stat().st_blocks * 512 / 1e6,
        after["RssAnon"] - before["RssAnon"],
        [ask(wanted) for wanted in (*photo, *text)],
    )


def baselines(
    connection: Connection, stored: StoredPack, library: Library, found: list[list[int]]
) -> Theirs:
    """The same by numpy and by sqlite-vec, and how many of the best they agree on."""
    matrix = np.concatenate(list(library.photos()))
    questions = [*library.photo_questions, *library.text_questions]

    def by_numpy(wanted: np.ndarray) -> list[int]:
        cosines = matrix @ wanted
        best = np.argpartition(-cosines, LIMIT)[:LIMIT]
        return (best[np.argsort(-cosines[best])] + 1).tolist()

    def by_sqlite_vec(wanted: np.ndarray) -> list[int]:
        return [
            id_
            for (id_,) in connection.execute(
                f"select content_id from {embeddings.vectors_table(stored.id)} "
                "where embedding match ? and k = ? order by distance",
                (wanted.tobytes(), LIMIT),
            )
        ]

    hits = sum(
        len(set(by_numpy(wanted)) & set(ours))
        for wanted, ours in zip(questions, found, strict=True)
    )
    return Theirs(
        hits / (LIMIT * len(questions)),
        least_ms(by_numpy, questions),
        least_ms(by_sqlite_vec, questions[:3]),
        matrix.nbytes / 1e6,
    )


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def evict(file: Path) -> None:
    """Have the kernel forget a file, so that it is read from the disk."""
    descriptor = os.open(file, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def memory() -> dict[str, float]:
    """What this process has in memory, by kind, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return {
        line.partition(":")[0]: int(line.split()[1]) / 1000
        for line in lines
        if line.startswith("Rss")
    }


def least_ms(work: Callable[[np.ndarray], object], questions: Sequence[np.ndarray]) -> float:
    return min(seconds(lambda q=q: work(q)) for q in questions) * 1e3


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    run_benchmark(__doc__, add_options, measure)
