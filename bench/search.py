"""How long ranking a library takes, against multiplying everything and against sqlite-vec.

    python bench/search.py --photos 10000 100000
    python bench/search.py --photos 1000000 --folder /somewhere/with/10/GB

Fills an index with synthetic embeddings: clusters in a narrow cone with a decaying spectrum, as those of
photos lie. Half of the questions are such photos, half are texts, which lie far from all photos with
cosines of about 0 to 0.1, as SigLIP's do. The baselines, in the same run on the same rows, are numpy's
float32 product with a matrix that is in memory as a whole, and sqlite-vec's own search. Prints JSON;
times are the least of several, in milliseconds: whatever else the machine does only adds to them.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--folder", type=Path, help="where the index is made, and removed again")
    options = parser.parse_args()
    results = []
    for photos in options.photos:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            results.append(measure(Path(folder) / "index.db", photos))
    print(json.dumps(results, indent=2))


def measure(database: Path, photos: int) -> dict[str, Any]:
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
        found = ours.pop("found")
        theirs = baselines(connection, stored, library, found)
    connection.close()
    ratios = {
        f"{question}_to_{base}": round(ours["warm_ms"][question] / theirs[f"{base}_ms"], 3)
        for question in ("photo", "text")
        for base in ("numpy", "sqlite_vec")
    }
    return {"photos": photos, **ours, **theirs, "ratios": ratios}


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


def ranking(
    connection: Connection, database: Path, stored: StoredPack, library: Library
) -> dict[str, Any]:
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
        "with_one_negative": least_ms(lambda wanted: ask(wanted, photo[:1]), text),
        "among_a_tenth": least_ms(lambda wanted: ask(wanted, None, tenth), text),
        "among_a_thousandth": least_ms(lambda wanted: ask(wanted, None, thousandth), text),
        f"best_{DEEP}": least_ms(page, text),
    }
    after = memory()
    return {
        "build_s": round(build, 2),
        "file_mb": round(file.stat().st_blocks * 512 / 1e6, 1),
        "first_from_disk_ms": round(from_disk * 1000, 1),
        "first_ms": round(opened * 1000, 1),
        "warm_ms": warm,
        "anonymous_mb": after["RssAnon"] - before["RssAnon"],
        "mapped_mb": after["RssFile"] - before["RssFile"],
        "found": [ask(wanted) for wanted in (*photo, *text)],
    }


def baselines(
    connection: Connection, stored: StoredPack, library: Library, found: list[list[int]]
) -> dict[str, Any]:
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
    return {
        f"recall_at_{LIMIT}": hits / (LIMIT * len(questions)),
        "numpy_ms": least_ms(by_numpy, questions),
        "numpy_mb": round(matrix.nbytes / 1e6),
        "sqlite_vec_ms": least_ms(by_sqlite_vec, questions[:3]),
    }


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def evict(file: Path) -> None:
    """Have the kernel forget a file, so that it is read from the disk."""
    descriptor = os.open(file, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def memory() -> dict[str, int]:
    """What this process has in memory, by kind, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return {
        line.partition(":")[0]: int(line.split()[1]) // 1000
        for line in lines
        if line.startswith("Rss")
    }


def least_ms(work: Callable[[np.ndarray], object], questions: Sequence[np.ndarray]) -> float:
    return round(min(seconds(lambda q=q: work(q)) for q in questions) * 1000, 2)


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
