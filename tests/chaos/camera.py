"""How photos arrive: as cameras, file managers, rsync and photo programs copy them."""

import io
import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tests.conftest import SAMPLES

_PIECES = 5
_LATEST_SECONDS = 0.4


class Camera:
    """Takes photos, and puts them into folders in the ways in which that is done.

    Args:
        chance: Decides.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._serial = 0
        self._originals = sorted(SAMPLES.glob("*.jpg"))
        self._small = [
            np.asarray(Image.open(path).convert("RGB").resize((96, 96))) for path in self._originals
        ]

    def photo(self, *, is_new: bool = False) -> bytes:
        """A photo: one of the samples, or one that nobody has seen before."""
        if not is_new and self._chance.random() < 0.5:
            return self._chance.choice(self._originals).read_bytes()
        self._serial += 1
        pixels = np.roll(self._chance.choice(self._small), self._chance.randrange(96), axis=1)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", comment=str(self._serial).encode())
        return buffer.getvalue()

    def write(self, path: Path) -> None:
        """At once."""
        path.write_bytes(self.photo())

    def write_slowly(self, path: Path) -> None:
        """Bit by bit, under its own name."""
        data = self.photo()
        piece = len(data) // _PIECES + 1
        with path.open("wb", buffering=0) as file:
            for start in range(0, len(data), piece):
                file.write(data[start : start + piece])
                time.sleep(self._chance.uniform(0, _LATEST_SECONDS))

    def burst(self, folder: Path) -> None:
        """Many in a folder that is made for them."""
        folder.mkdir()
        for number in range(self._chance.randint(10, 40)):
            (folder / f"IMG_{number:04}.JPG").write_bytes(self.photo(is_new=True))

    def tree(self, folder: Path) -> None:
        """Some in folders within folders."""
        for number in range(self._chance.randint(1, 6)):
            inner = folder / self._chance.choice(["", "deep", "deep/er"])
            inner.mkdir(parents=True, exist_ok=True)
            self.write(inner / f"{number}.jpg")

    def copy_then_rename(self, path: Path) -> None:
        """Under a name that says that it is not whole yet, then under its own."""
        partial = path.with_name(path.name + self._chance.choice([".part", ".tmp", ".crdownload"]))
        self.write_slowly(partial)
        partial.rename(path)

    def as_rsync_does(self, path: Path) -> None:
        """As a hidden temporary with the original's old time, then under its own name."""
        temporary = path.with_name(f".{path.name}.{self._chance.randrange(36**6):06x}")
        self.write(temporary)
        os.utime(temporary, (1.5e9, 1.5e9))
        temporary.rename(path)

    def as_cp_does(self, photo: Path, path: Path) -> None:
        """With `cp -p`, which sets the old time after the last byte."""
        subprocess.run(["cp", "-p", photo, path], check=False, stderr=subprocess.DEVNULL)

    def with_sidecar(self, path: Path) -> None:
        """With a sidecar before or after it."""
        sidecar = path.with_name(self._chance.choice([f"{path.name}.xmp", f"{path.stem}.xmp"]))
        writes = [lambda: sidecar.write_text("<x:xmpmeta/>"), lambda: self.write(path)]
        for write in self._chance.sample(writes, 2):
            write()
            time.sleep(self._chance.uniform(0, _LATEST_SECONDS))

    def replace(self, path: Path) -> None:
        """In the place of another one, as an editor saves."""
        temporary = path.with_name(f".{path.name}.tmp")
        self.write(temporary)
        temporary.replace(path)

    def duplicate(self, photo: Path, path: Path) -> None:
        """The same once more."""
        shutil.copy2(photo, path)
