"""How long a search takes from the key to the answer, in a library of some size.

    python -m bench.query [--photos 10000 100000] [--repeats 10] [--thorough] [--json]

Adds so many made-up photos to an index of the sample photos: files in folders, facts, tags, and
embeddings in the dimension of the pack `mini`, drawn in clusters. Then it runs `photond query`, each
time as a new process, all kinds in turn, with the daemon and without. A figure is the least wall time of
several, against that of `python -c pass` in the same run. `--thorough` adds a million photos.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from bench.measurement import Measurement, run_benchmark
from bench.search import sizes, unit
from bench.start import PHOTOND, daemon, home, least_of, run
from photond.store import embeddings, packs
from photond.store.database import Connection, open_index, transaction

ROWS_AT_ONCE = 8192
PYTHON = "python -c pass"
# 150 and 350 ms where Python starts within 10.
MOST = {(100_000, "words, daemon"): 15.0, (1_000_000, "words, daemon"): 35.0}
CLUSTERS = 1000
CAMERAS = ("FUJIFILM X-T4", "Apple iPhone 12", "Canon EOS R6", None)
FOLDERS = ("Lisbon", "Berlin", "party", "garden", "work", "hike", "winter", "trip")


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `measure` wants to know."""
    parser.add_argument("--photos", type=int, nargs="+", help="how many, instead of the usual ones")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="where the index is made, and removed again")
    parser.add_argument("--thorough", action="store_true")


def measure(options: argparse.Namespace) -> list[Measurement]:
    """The times of each kind of search in libraries of some sizes."""
    found: list[Measurement] = []
    for photos in sizes(options):
        with tempfile.TemporaryDirectory(prefix="query-", dir=options.folder) as place:
            found += measured(Path(place), photos, options.repeats)
    return found


def measured(place: Path, photos: int, repeats: int) -> list[Measurement]:
    """The times of each kind of search in a library of a size."""
    environ = home(place, "mini")
    alone = environ | {"XDG_RUNTIME_DIR": f"{place}/nothing"}
    subprocess.run([*PHOTOND, "index"], env=environ, check=True, capture_output=True)
    fill(place / "index.db", photos)
    subprocess.run([*PHOTOND, "index"], env=environ, check=True, capture_output=True)

    def query(*words: str) -> list[str]:
        return [*PHOTOND, "query", *words, "--paths"]

    kinds = {
        "words": query("a dog on the beach"),
        "taken away": query("beach -people 2*dog"),
        "filtered": query("beach", "--since", "2020", "--camera", "X-T4"),
        "rare filter": query("beach", "--lens", "XF35mm"),
        "fused with names": query("Lisbon"),
        "names only": query("--exact", "IMG_471"),
        "filters only": query("--since", "2020", "--camera", "X-T4"),
        "20th page": query("a dog on the beach", "--offset", "400"),
    }
    runs: dict[str, Callable[[], object]] = {
        PYTHON: lambda: run([sys.executable, "-c", "pass"], environ)
    }
    for kind, command in kinds.items():
        runs[f"{kind}, daemon"] = lambda command=command: run(command, environ)
    runs["words, no daemon, asked before"] = lambda: run(kinds["words"], alone)
    with daemon(environ):
        for work in runs.values():
            work()
        least = least_of(runs, repeats)
    python, _ = least.pop(PYTHON)
    return [
        Measurement(
            "query",
            f"{photos:,} photos: {kind}",
            wall * 1e3,
            python * 1e3,
            "ms",
            PYTHON,
            at_most=MOST.get((photos, kind)),
        )
        for kind, (wall, _) in least.items()
    ]


def fill(
    database: Path, photos: int, vectors: Iterable[np.ndarray] | None = None, tags: int = 1
) -> None:
    """Add photos to an index as if they had been indexed; they lie nowhere.

    Args:
        database: An index with a pack that serves.
        photos: How many.
        vectors: Their embeddings, in pieces of shape (n, dimension); by default drawn in clusters.
        tags: How many each has, if the index knows labels.
    """
    connection = open_index(database)
    stored = packs.serving_pack(connection)
    assert stored is not None
    chance = random.Random(3)  # noqa: S311 - nothing to keep secret
    with transaction(connection):
        _add_files(connection, photos, chance)
        labels = [id_ for (id_,) in connection.execute("select id from labels limit 500")]
        if labels:
            connection.executemany(
                "insert into tags values (?, ?, ?, 0.5)",
                (
                    (stored.id, 1001 + i, label)
                    for i in range(photos)
                    for label in chance.sample(labels, tags)
                ),
            )
        drawn = _clustered(photos, embeddings.dimension_of(connection, stored.id))
        for id_, vector in enumerate(chain.from_iterable(vectors or drawn), 1001):
            embeddings.add_embedding(connection, stored.id, id_, vector)
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()


def _clustered(photos: int, dimension: int) -> Iterator[np.ndarray]:
    draws = np.random.default_rng(7)
    centres = unit(draws.standard_normal((CLUSTERS, dimension)))
    for start in range(0, photos, ROWS_AT_ONCE):
        count = min(ROWS_AT_ONCE, photos - start)
        noise = unit(draws.standard_normal((count, dimension)))
        yield unit(centres[draws.integers(0, CLUSTERS, count)] + 0.7 * noise)


def _add_files(connection: Connection, photos: int, chance: random.Random) -> None:
    connection.executemany(
        "insert into folders (id, path) values (?, ?)",
        (
            (1001 + i, f"/made up/{2000 + i % 25}/{chance.choice(FOLDERS)} {i}")
            for i in range(photos // 200 + 1)
        ),
    )
    connection.executemany(
        """
        insert into contents (id, sha256, size, format, width, height, taken_at, camera, lens,
          indexed_at)
        values (?, ?, 1, 'JPEG', 4000, 3000, ?, ?, ?, '2024-06-01T00:00:00+00:00')
        """,
        (
            (
                1001 + i,
                f"{i:064x}",
                f"{2000 + i % 25}-{1 + i % 12:02d}-{1 + i % 28:02d}T12:00:00",
                chance.choice(CAMERAS),
                "XF35mm" if i % 1000 == 0 else None,
            )
            for i in range(photos)
        ),
    )
    connection.executemany(
        """
        insert into files (folder_id, name, size, mtime_ns, inode, content_id)
        values (?, ?, 1, 1600000000000000000, 1, ?)
        """,
        ((1001 + i // 200, f"IMG_{i}.jpg", 1001 + i) for i in range(photos)),
    )


if __name__ == "__main__":
    run_benchmark(__doc__, add_options, measure)
