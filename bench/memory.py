"""Whether memory stays flat while photos are indexed, how much it is, and what is left when all is done.

`photond index` on many small photos, each of other bytes, with a tower of a few hundred kilobytes: so
many photos go by that two hundred bytes left behind by each would show. Memory is sampled, that of
child processes included, and a line is fitted through what was sampled after the first third of the
photos; there a page that several processes share counts for each, so that programs that come and go
beside it change nothing. The peak, in which such a page counts once, is held with photos of a camera
against small ones, which is the model and what the towers compute in, and a window: for each worker a
file, and twice a picture of 12 megapixels at the scale that it is decoded at.

    python -m bench.memory [--photos 100000] [--thorough] [--cache DIR] [--json]
"""

import argparse
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from bench import packs
from bench.bound import only_on
from bench.index import CACHE, PHOTOND, Case, home
from bench.measurement import Measurement, run_benchmark
from bench.photos import paths_in, photos
from bench.tree import proportional_bytes, resident_bytes
from photond.store.database import connect_read_only

SLOPE_BYTES = 200.0
PHOTOS = 100_000
_SAMPLE_SECONDS = 0.1
_WARM = 1 / 3
# A picture of 12 megapixels at a quarter of its scale is 1000 by 750; it is there twice for a moment.
_PICTURE_BYTES = 2 * 1000 * 750 * 4
_PACKS = (packs.MINI, packs.INT8, packs.FP32)

Sample = tuple[int, int]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `measure` wants to know."""
    parser.add_argument("--cache", type=Path, default=CACHE, help="keeps photos and packs")
    parser.add_argument("--photos", type=int, default=PHOTOS, help=f"{PHOTOS:,}")
    parser.add_argument("--packs", nargs="*", choices=_PACKS, help="mini; with --thorough all")
    parser.add_argument("--thorough", action="store_true")


def measure(options: argparse.Namespace) -> list[Measurement]:
    """The slope over many photos, and the peak with photos of a camera."""
    cores = sorted(os.sched_getaffinity(0))
    names = options.packs
    if names is None:
        names = _PACKS if options.thorough else (packs.MINI,)
    tiny = Case(
        packs.find(packs.SMALLEST, options.cache),
        "tiny",
        photos("tiny", options.photos, options.cache),
        cores,
        options.cache,
    )
    rows = [
        Measurement(
            "memory",
            f"{options.photos:,} photos: slope",
            slope(sampled(tiny, resident_bytes)),
            SLOPE_BYTES,
            "B a photo",
            "what counts as flat",
            at_most=1.0,
        )
    ]
    return rows + [_peak(name, cores, options.cache) for name in names]


def sampled(case: Case, memory_of: Callable[[int], int]) -> list[Sample]:
    """How many photos were in the index and how much memory was in use, in bytes, while it went on."""
    samples: list[Sample] = []
    with home(case, case.folder) as environ, only_on(case.cores):
        process = subprocess.Popen(
            [*PHOTOND, "index", "--json"], env=environ, stdout=subprocess.DEVNULL
        )
        with closing(connect_read_only(Path(environ["PHOTOND_DATABASE"]), 10)) as connection:
            while process.poll() is None:
                (count,) = connection.execute("select count(*) from contents").fetchone()
                samples.append((count, memory_of(process.pid)))
                time.sleep(_SAMPLE_SECONDS)
    if process.returncode != 0:
        raise RuntimeError(f"photond index ended with {process.returncode}")
    return samples


def slope(samples: Sequence[Sample]) -> float:
    """Bytes a photo, by least squares, of the samples that were taken while photos went by."""
    counts, memory = np.array(samples, np.float64).T
    going = (counts >= _WARM * counts.max()) & (counts < counts.max())
    return float(np.polyfit(counts[going], memory[going], 1)[0])


def _peak(name: str, cores: Sequence[int], cache: Path) -> Measurement:
    """The most memory with photos of a camera, against small ones and the window."""
    pack = packs.find(name, cache)

    def most(kind: str, count: int) -> int:
        case = Case(pack, kind, photos(kind, count, cache), cores, cache)
        return max(memory for _, memory in sampled(case, proportional_bytes))

    largest = max(path.stat().st_size for path in paths_in(photos("camera", 48, cache)))
    window = len(cores) * (largest + _PICTURE_BYTES)
    return Measurement(
        "memory",
        f"{name}, camera, workers {len(cores)}: peak",
        most("camera", 48) / 1e6,
        (most("small", 240) + window) / 1e6,
        "MB",
        "small photos' peak and the window",
        at_most=1.0,
    )


if __name__ == "__main__":
    run_benchmark(__doc__, add_options, measure)
