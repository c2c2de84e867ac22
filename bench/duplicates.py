"""What `photond duplicates` costs: how long the hashes of all photos take to be compared.

    python -m bench.duplicates [--photos 200000] [--thorough] [--json]

Timed are random hashes, of which one in fifty has a near twin, and a hundredth as many of a fixed
camera, which all look alike; the baseline is sorting as many numbers as a hash has words, which any
comparison of all with all begins with. `--thorough` is a million. How well copies are told from other
photos is shown by `bench.copies`.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from bench.measurement import Measurement, run_benchmark
from photond.search.banding import near_pairs
from photond.search.comparing import MOST_BITS

_TWIN_EVERY = 50
PHOTOS, THOROUGH = 200_000, 1_000_000


def measure(options: argparse.Namespace) -> list[Measurement]:
    """How long hashes take to be compared."""
    count = options.photos or (THOROUGH if options.thorough else PHOTOS)
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**64, (count, 2), np.uint64)
    twins = count // _TWIN_EVERY
    hashes[count - twins :] = _with_flipped(random, hashes[:twins], MOST_BITS)
    alike = np.repeat(hashes[:1], max(2, count // 100), axis=0)
    alike = _with_flipped(random, alike, MOST_BITS // 2)
    baseline = min(_seconds(partial(np.sort, hashes, axis=0)) for _ in range(3))
    cases = {
        f"{count:,} hashes, one in {_TWIN_EVERY} with a twin": hashes,
        f"{len(alike):,} hashes of a fixed camera": alike,
    }
    return [
        Measurement(
            "duplicates",
            name,
            _seconds(partial(near_pairs, case, MOST_BITS)),
            baseline,
            "s",
            f"sorting {count:,} hashes",
        )
        for name, case in cases.items()
    ]


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _with_flipped(
    random: np.random.Generator, hashes: npt.NDArray[np.uint64], flips: int
) -> npt.NDArray[np.uint64]:
    """Hashes with up to so many bits flipped."""
    flipped = hashes.copy()
    rows = np.arange(len(hashes))
    for _ in range(flips):
        bit = random.integers(0, 128, len(hashes), np.uint64)
        flipped[rows, bit // 64] ^= np.uint64(1) << bit % np.uint64(64)
    return flipped


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `measure` wants to know."""
    parser.add_argument("--photos", type=int, help=f"{PHOTOS:,}; with --thorough {THOROUGH:,}")
    parser.add_argument("--thorough", action="store_true")


if __name__ == "__main__":
    run_benchmark(__doc__, add_options, measure)
