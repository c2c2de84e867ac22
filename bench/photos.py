"""Photos to measure with: each of its own bytes, from the samples, with the noise of a sensor."""

from pathlib import Path

import numpy as np
from PIL import Image

SAMPLES = sorted((Path(__file__).resolve().parents[1] / "samples").glob("*.jpg"))
CAMERA = (4000, 3000)
SMALL = (640, 480)
# What makes a 12-megapixel JPEG of the quality below 4 to 5 MB, as a camera's is.
_NOISE = 5.0
_QUALITY = 92


def camera_jpegs(folder: Path, count: int) -> None:
    """Fill a folder with JPEGs of 12 megapixels, 4 to 5 MB each."""
    _jpegs(folder, count, CAMERA)


def small_jpegs(folder: Path, count: int) -> None:
    """Fill a folder with JPEGs of 640 x 480 pixels."""
    _jpegs(folder, count, SMALL)


def _jpegs(folder: Path, count: int, size: tuple[int, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    width, height = size
    draws = np.random.default_rng(5)
    noise = (draws.standard_normal((height, width, 1)) * _NOISE).astype(np.int16)
    for number in range(count):
        with Image.open(SAMPLES[number % len(SAMPLES)]) as sample:
            pixels = np.asarray(sample.convert("RGB").resize(size), np.int16)
        # The same noise elsewhere: new noise for each photo takes longer than all the rest.
        grain = np.roll(noise, (int(draws.integers(height)), int(draws.integers(width))), (0, 1))
        image = Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))
        image.save(folder / f"{number:05}.jpg", quality=_QUALITY)
