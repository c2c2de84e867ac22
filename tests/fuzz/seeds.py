"""What the fuzzer starts from."""

import io
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from tests.hostile.good import photos

KEPT = Path(__file__).with_name("kept")
"""Inputs that fuzzing has found worth keeping, by target; the tests run through them."""

_LARGEST = 1 << 16


def seeds(target: str) -> Mapping[str, bytes]:
    """Inputs for a target, by file name: whole photos or their EXIF, and what was kept."""
    kept = {file.name: file.read_bytes() for file in sorted((KEPT / target).iterdir())}
    if target == "facts":
        return kept | _exif_blocks()
    return kept | {name: data for name, data in photos().items() if len(data) <= _LARGEST}


def _exif_blocks() -> dict[str, bytes]:
    blocks = {}
    for name in ("plain.jpg", "plain.heic", "plain.tif"):
        with Image.open(io.BytesIO(photos()[name])) as image:
            blocks[name + ".exif"] = image.getexif().tobytes()
    return blocks
