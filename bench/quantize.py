"""What int8 is worth: a pack and the same pack quantised, taking turns in one run.

Without a pack it measures one of SigLIP base's shape whose weights are random, made here (2 GB of disk
for a while): its speed is SigLIP's, and its cosines say little about SigLIP's. Give the folder of a real
pack to learn those.

    python bench/quantize.py [PACK_FOLDER ...] [--photos DIR] [--rounds 3] [--json FILE]
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from photond.config.settings import Settings
from photond.models.int8 import needs_reduced_range
from photond.models.pack import Pack, load_pack
from photond.models.quantize import quantize_pack
from photond.models.towers import ImageTower
from photond.pipeline.sample import photos_below, take
from photond.pipeline.trial import compare
from photond.vocabulary.concepts import everyday
from tools.random_pack import SIGLIP_BASE, write_pack

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
PHOTOS = 24
TEXTS = 24

Embed = Callable[[npt.NDArray[np.float32]], object]


def rate(embed: Embed, photos: Sequence[npt.NDArray[np.float32]], workers: int) -> float:
    """Photos a second when so many threads embed them, each by itself, as `photond index` does."""
    with ThreadPoolExecutor(workers) as pool:
        started = time.perf_counter()
        list(pool.map(embed, photos))
        return len(photos) / (time.perf_counter() - started)


def rates(
    old: Pack, new: Pack, pixels: npt.NDArray[np.float32], workers: int, rounds: int
) -> dict[str, float]:
    """Photos a second of both packs, the medians of rounds in which they take turns."""
    towers = [ImageTower(pack) for pack in (old, new)]
    photos = [pixels[index : index + 1] for index in range(len(pixels))]
    found: tuple[list[float], list[float]] = ([], [])
    for tower in towers:
        tower.embed(photos[0])
    for _ in range(rounds):
        for tower, measured in zip(towers, found, strict=True):
            measured.append(rate(tower.embed, photos, workers))
    before, after = map(statistics.median, found)
    return {"old": before, "new": after, "ratio": after / before}


def measure(pack: Pack, place: Path, photos: Path, rounds: int) -> dict[str, Any]:
    """Quantise a pack and compare."""
    started = time.perf_counter()
    new = quantize_pack(pack, f"{pack.name}-int8", place, lambda _draft: None)
    seconds = time.perf_counter() - started
    settings = Settings()
    sample = take("given", photos_below([str(photos)], settings), PHOTOS, pack.image, settings)
    assert sample is not None, f"no photo in {photos}"
    trial = compare(pack, new, sample, [one.name for one in everyday()][:TEXTS])
    return {
        "pack": pack.name,
        "random_weights": pack.untrained,
        "seven_bits": needs_reduced_range(),
        "quantise_seconds": seconds,
        "photos_per_second": {
            f"{workers} x 1 thread": rates(pack, new, sample.pixels, workers, rounds)
            for workers in (1, 2)
        },
        "trial": asdict(trial),
    }


def show(found: dict[str, Any]) -> None:
    """Print one pack's figures."""
    trial = found["trial"]
    weights = "random weights" if found["random_weights"] else "its own weights"
    bits = 7 if found["seven_bits"] else 8
    print(f"{found['pack']} ({weights}; {bits} bits), made in {found['quantise_seconds']:.0f} s")
    rows = {f"photos/s, {name}": pair for name, pair in found["photos_per_second"].items()}
    rows["texts/s, 1 thread"] = trial["texts_per_second"]
    rows["seconds to load"] = trial["load_seconds"]
    rows["megabytes"] = {side: count / 1e6 for side, count in trial["bytes"].items()}
    for name, pair in rows.items():
        ratio = pair["new"] / pair["old"]
        print(f"  {name:<24} {pair['old']:9.2f} {pair['new']:9.2f}   x {ratio:.2f}")
    for kind in ("photos", "texts"):
        alike = trial[kind]
        cosines = f"{alike['mean']:9.4f} mean, {alike['least']:.4f} least"
        print(f"  cosine, {alike['count']} {kind:<14} {cosines}")
    searches = trial["searches"]
    print(
        f"  the same photo first     {searches['first']:9.0%} of {trial['texts']['count']} searches"
    )


def main() -> None:
    """Measure and print a table for each pack."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("packs", nargs="*", type=Path, metavar="PACK_FOLDER")
    parser.add_argument("--photos", type=Path, default=SAMPLES, help="folder of photos to embed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as place:
        packs = [load_pack(folder) for folder in options.packs]
        for pack in packs or [write_pack(Path(place, "siglip-base-shaped"), SIGLIP_BASE)]:
            found.append(measure(pack, Path(place), options.photos.resolve(), options.rounds))
            show(found[-1])
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
