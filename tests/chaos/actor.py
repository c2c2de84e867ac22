"""The actor: somebody who does with photos what people, programs and misfortune do, from a seed."""

import errno
import io
import os
import random
import shutil
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from tests.conftest import SAMPLES

# What chance asks for is not always possible, such as moving a folder into itself.
_IMPOSSIBLE = {errno.ENOENT, errno.EEXIST, errno.ENOTDIR, errno.EINVAL, errno.ENOTEMPTY}


class Actor:
    """Acts on two roots and on a place outside of them.

    Args:
        place: An empty folder for all of them.
        seed: The same seed acts alike, as far as the daemon's pace lets it.
    """

    def __init__(self, place: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.roots = [place / "One", place / "Two"]
        self.outside = place / "outside"
        self.done: Counter[str] = Counter()
        self._serial = 0
        for folder in (*self.roots, self.outside):
            folder.mkdir(parents=True)
        self._originals = sorted(SAMPLES.glob("*.jpg"))
        for root in self.roots:
            # A root that is left empty is offline, and then nothing is to be compared.
            shutil.copy(self._originals[0], root / "stays.jpg")

    def act(self) -> None:
        """Do one thing at random; what cannot be done is left."""
        actions = {
            self.add: 10,
            self.add_slowly: 2,
            self.add_a_folder: 3,
            self.edit: 4,
            self.replace: 4,
            self.touch: 2,
            self.spoil: 1,
            self.copy: 3,
            self.move: 8,
            self.move_a_folder: 5,
            self.delete: 4,
            self.delete_a_folder: 1,
            self.swap_a_root: 1,
            self.ignore: 1,
            self.pause: 6,
        }
        action = self.random.choices(list(actions), list(actions.values()))[0]
        self.done[action.__name__] += 1
        try:
            action()
        except OSError as error:
            if error.errno not in _IMPOSSIBLE:
                raise

    def add(self) -> None:
        self._write(self._new_path())

    def add_slowly(self) -> None:
        data = self._bytes()
        with self._new_path().open("wb", buffering=0) as file:
            for start in range(0, len(data), len(data) // 5 + 1):
                file.write(data[start : start + len(data) // 5 + 1])
                time.sleep(self.random.uniform(0, 0.4))

    def add_a_folder(self) -> None:
        folder = self._new_path().with_suffix("")
        for number in range(self.random.randint(1, 6)):
            inner = folder / self.random.choice(["", "deep", "deep/er"])
            inner.mkdir(parents=True, exist_ok=True)
            self._write(inner / f"{number}.jpg")

    def edit(self) -> None:
        with self._photo().open("ab") as file:
            file.write(self.random.randbytes(5))

    def replace(self) -> None:
        photo = self._photo()
        temporary = photo.with_name(f".{photo.name}.tmp")
        self._write(temporary)
        temporary.replace(photo)

    def touch(self) -> None:
        os.utime(self._photo(), (self.random.choice([0, 1e9, 4e9]),) * 2)

    def spoil(self) -> None:
        self._photo().write_bytes(b"no photo any more")

    def copy(self) -> None:
        shutil.copy2(self._photo(), self._new_path())

    def move(self) -> None:
        self._photo().rename(self._new_path())

    def move_a_folder(self) -> None:
        folder = self._folder()
        if folder is not None:
            folder.rename(self._new_path().with_suffix(""))

    def delete(self) -> None:
        self._photo().unlink()

    def delete_a_folder(self) -> None:
        folder = self._folder()
        if folder is not None:
            shutil.rmtree(folder)

    def swap_a_root(self) -> None:
        """Take a root away for a moment, as a disk that is unplugged."""
        root = self.random.choice(self.roots)
        root.rename(root.with_name("away"))
        if self.random.random() < 0.5:
            root.mkdir()
        time.sleep(self.random.uniform(0, 1))
        if root.exists():
            root.rmdir()
        root.with_name("away").rename(root)

    def ignore(self) -> None:
        folder = self._folder() or self.roots[0]
        (folder / ".photondignore").write_text(self.random.choice(["", "1*.jpg\n", "deep/\n"]))

    def pause(self) -> None:
        time.sleep(self.random.uniform(0, 1.2))

    def _write(self, path: Path) -> None:
        path.write_bytes(self._bytes())

    def _bytes(self) -> bytes:
        """A photo: one of the samples, or one that nobody has seen before."""
        original = self.random.choice(self._originals)
        if self.random.random() < 0.5:
            return original.read_bytes()
        self._serial += 1
        pixels = np.asarray(Image.open(original).convert("RGB").resize((96, 96)))
        buffer = io.BytesIO()
        made = Image.fromarray(np.roll(pixels, self.random.randrange(96), axis=1))
        made.save(buffer, "JPEG", comment=str(self._serial).encode())
        return buffer.getvalue()

    def _places(self) -> list[Path]:
        return [*self.roots, self.outside]

    def _folders(self) -> list[Path]:
        return sorted(
            path for place in self._places() for path in place.rglob("*") if path.is_dir()
        )

    def _folder(self) -> Path | None:
        folders = self._folders()
        return self.random.choice(folders) if folders else None

    def _photo(self) -> Path:
        photos = sorted(
            path
            for place in self._places()
            for path in place.rglob("*.jpg")
            if path.name != "stays.jpg"
        )
        if not photos:
            raise FileNotFoundError(errno.ENOENT, "there is no photo yet")
        return self.random.choice(photos)

    def _new_path(self) -> Path:
        self._serial += 1
        folder = self.random.choice([*self.roots, *self.roots, self.outside, *self._folders()])
        return folder / f"{self.random.randrange(10)}{self._serial}.jpg"
