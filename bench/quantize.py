"""What int8 is worth: a pack and the same pack quantised, taking turns in one run.

Without a pack it measures one of SigLIP base's shape whose weights are random, made here (2 GB of disk
for a while): its speed is SigLIP's, and its cosines say little about SigLIP's. Give the folder of a real
pack to learn those.

    python -m bench.quantize [PACK_FOLDER ...] [--photos DIR] [--rounds 3] [--thorough] [--json]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.measurement import Measurement, run_benchmark
from photond.config.settings import Settings
from photond.models.int8 import needs_reduced_range
from photond.models.pack import Pack, load_pack
from photond.models.quantize import quantize_pack
from photond.models.towers import ImageTower
from photond.pipeline.sample import photos_below, take
from photond.pipeline.trial import Pair, compare
from photond.vocabulary.concepts import everyday
from tools.random_pack import SIGLIP_BASE, write_pack

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
PHOTOS = 24
TEXTS = 24
ROUNDS, THOROUGH = 3, 10
UNQUANTISED = "as it was"

Embed = Callable[[npt.NDArray[np.float32]], object]


def rate(embed: Embed, photos: Sequence[npt.NDArray[np.float32]], workers: int) -> float:
    """Photos a second when so many threads embed them, each by itself, as `photond index` does."""
    with ThreadPoolExecutor(workers) as pool:
        started = time.perf_counter()
        list(pool.map(embed, photos))
        return len(photos) / (time.perf_counter() - started)


def rates(old: Pack, new: Pack, pixels: npt.NDArray[np.float32], workers: int, rounds: int) -> Pair:
    """Photos a second of both packs, the medians of rounds in which they take turns."""
    towers = [ImageTower(pack) for pack in (old, new)]
    photos = [pixels[index : index + 1] for index in range(len(pixels))]
    found: tuple[list[float], list[float]] = ([], [])
    for tower in towers:
        tower.embed(photos[0])
    for _ in range(rounds):
        for tower, measured in zip(towers, found, strict=True):
            measured.append(rate(tower.embed, photos, workers))
    return Pair(*map(statistics.median, found))


def measured(pack: Pack, place: Path, photos: Path, rounds: int) -> list[Measurement]:
    """Quantise a pack and compare."""
    new = quantize_pack(pack, f"{pack.name}-int8", place, lambda _draft: None)
    settings = Settings()
    sample = take("given", photos_below([str(photos)], settings), PHOTOS, pack.image, settings)
    assert sample is not None, f"no photo in {photos}"
    trial = compare(pack, new, sample, [one.name for one in everyday()][:TEXTS])
    speeds = {
        f"photos, workers {workers}": rates(pack, new, sample.pixels, workers, rounds)
        for workers in (1, 2)
    }
    speeds["texts, workers 1"] = trial.texts_per_second
    bits = 7 if needs_reduced_range() else 8
    name = f"{pack.name}, {bits} bits"
    megabytes = trial.bytes.new / 1e6, trial.bytes.old / 1e6
    alike = {
        "mean cosine of photos": trial.photos.mean,
        "least cosine of photos": trial.photos.least,
        "mean cosine of texts": trial.texts.mean,
        "least cosine of texts": trial.texts.least,
        "searches with the same first": trial.searches.first,
    }
    return [
        *(
            Measurement("quantize", f"{name}: {what}", pair.new, pair.old, "1/s", UNQUANTISED)
            for what, pair in speeds.items()
        ),
        Measurement(
            "quantize",
            f"{name}: load",
            trial.load_seconds.new,
            trial.load_seconds.old,
            "s",
            UNQUANTISED,
        ),
        Measurement("quantize", f"{name}: size", *megabytes, "MB", UNQUANTISED),
        *(
            Measurement(
                "quantize", f"{name}: {what}", value, 1.0, "", "the same", more_is_better=True
            )
            for what, value in alike.items()
        ),
    ]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `measure` wants to know."""
    parser.add_argument("packs", nargs="*", type=Path, metavar="PACK_FOLDER")
    parser.add_argument("--photos", type=Path, default=SAMPLES, help="folder of photos to embed")
    parser.add_argument("--rounds", type=int, help=f"{ROUNDS}; with --thorough {THOROUGH}")
    parser.add_argument("--thorough", action="store_true")


def measure(options: argparse.Namespace) -> list[Measurement]:
    """Each pack against the same quantised."""
    rounds = options.rounds or (THOROUGH if options.thorough else ROUNDS)
    found: list[Measurement] = []
    with tempfile.TemporaryDirectory() as place:
        packs = [load_pack(folder) for folder in options.packs]
        for pack in packs or [write_pack(Path(place, "siglip-base-shaped"), SIGLIP_BASE)]:
            found += measured(pack, Path(place), options.photos.resolve(), rounds)
    return found


if __name__ == "__main__":
    run_benchmark(__doc__, add_options, measure)
