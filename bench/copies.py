"""How well `photond duplicates` tells copies from other photos.

    python -m bench.copies DIR...     photos without copies among them; these are made

Makes copies of each photo as people do (saved anew, smaller, brighter) and reports how many are found
at each limit, and how many pairs of different photos would be taken for copies. Photos are decoded,
hashed and embedded by photond's own code, with the configured pack. What it costs is measured by
`bench.duplicates`.
"""

import argparse
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageOps

from photond.config import locations
from photond.config.load import load
from photond.imaging.decode import decode
from photond.imaging.formats import is_photo_name
from photond.imaging.perceptual import perceptual_hash
from photond.imaging.picture import Facts, Limits
from photond.imaging.tensor import to_tensor
from photond.models.pack import Pack
from photond.models.shelf import find_pack
from photond.models.towers import ImageTower, available_cores
from photond.pipeline.inputs import input_spec
from photond.search.banding import distances
from photond.search.comparing import MIN_COSINE, MOST_BITS

_LIMITS = ((6, 0.7), (8, 0.9), (8, 0.8), (8, 0.7), (8, 0.6), (8, -1.0), (10, 0.7), (12, 0.7))


def _saved(image: Image.Image, kind: str = "JPEG", **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _cropped(image: Image.Image, share: float) -> Image.Image:
    return image.crop((0, 0, round(image.width * (1 - share)), round(image.height * (1 - share))))


COPIES: dict[str, Callable[[Image.Image], bytes]] = {
    "PNG": lambda image: _saved(image, "PNG"),
    "WebP, quality 60": lambda image: _saved(image, "WEBP", quality=60),
    "JPEG, quality 60": lambda image: _saved(image, quality=60),
    "JPEG, quality 30": lambda image: _saved(image, quality=30),
    "half as wide": lambda image: _saved(_scaled(image, 0.5), quality=85),
    "a quarter as wide": lambda image: _saved(_scaled(image, 0.25), quality=75),
    "a fifth brighter": lambda image: _saved(ImageEnhance.Brightness(image).enhance(1.2)),
    "a fifth darker": lambda image: _saved(ImageEnhance.Brightness(image).enhance(0.8)),
    "more contrast": lambda image: _saved(ImageEnhance.Contrast(image).enhance(1.25)),
    "grey": lambda image: _saved(image.convert("L")),
    "without 2 % of two sides": lambda image: _saved(_cropped(image, 0.02)),
}


@dataclass(frozen=True, slots=True)
class Looked:
    """Pictures as photond compares them.

    Attributes:
        hashes: Shape (n, 2).
        embeddings: Shape (n, dimension), unit length.
    """

    hashes: npt.NDArray[np.uint64]
    embeddings: npt.NDArray[np.float32]


def looked_at(pack: Pack, pictures: list[bytes], tower: ImageTower) -> tuple[Looked, list[Facts]]:
    """Decode, hash and embed pictures."""
    spec = input_spec(pack.image)

    def one(data: bytes) -> tuple[bytes, npt.NDArray[np.float32], Facts]:
        picture = decode(data, name="", min_side=spec.size, limits=Limits())
        embedding = tower.embed(to_tensor(picture.image, spec)[np.newaxis])[0]
        return perceptual_hash(picture.image), embedding, picture.facts

    with ThreadPoolExecutor(available_cores()) as pool:
        done = list(pool.map(one, pictures))
    hashes = np.frombuffer(b"".join(one[0] for one in done), np.uint64).reshape(-1, 2)
    return Looked(hashes, np.stack([one[1] for one in done])), [one[2] for one in done]


def quality(folders: list[Path]) -> None:
    """Print how many copies are found, and how many other photos are taken for copies."""
    pack = find_pack(load().model.pack, locations.models_dir())
    tower = ImageTower(pack)
    files = [file for folder in folders for file in sorted(_photos(folder))]
    originals, facts = looked_at(pack, [file.read_bytes() for file in files], tower)
    print(f"{len(files)} photos, pack {pack.name}\n")
    print(
        "limits: bits, cosine".ljust(28), *(f"{bits:>2} {cosine:>4.1f}" for bits, cosine in _LIMITS)
    )
    for name, make in COPIES.items():
        copies, _ = looked_at(pack, [make(_opened(file)) for file in files], tower)
        bits = distances(originals.hashes, copies.hashes)
        cosines = np.einsum("nd,nd->n", originals.embeddings, copies.embeddings)
        _print_shares(name, bits, cosines)
    one, other = np.triu_indices(len(files), 1)
    bits = distances(originals.hashes[one], originals.hashes[other])
    cosines = (originals.embeddings @ originals.embeddings.T)[one, other]
    found = [int(((bits <= most) & (cosines >= least)).sum()) for most, least in _LIMITS]
    print(f"{len(one):,} pairs of others".ljust(28), *(f"{count:>7,}" for count in found))
    print("\nother photos taken for copies at the limits in use:")
    for index in np.flatnonzero((bits <= MOST_BITS) & (cosines >= MIN_COSINE)):
        left, right = files[one[index]], files[other[index]]
        times = {facts[one[index]].taken_at, facts[other[index]].taken_at}
        kept_apart = " (told apart by their times)" if len(times - {None}) > 1 else ""
        print(f"  {left} {right}: {bits[index]} bits, {cosines[index]:.3f}{kept_apart}")


def _opened(file: Path) -> Image.Image:
    with Image.open(file) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def _photos(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if is_photo_name(file.name) and file.is_file())


def _print_shares(name: str, bits: npt.NDArray[np.uint8], cosines: npt.NDArray[np.float32]) -> None:
    shares = [((bits <= most) & (cosines >= least)).mean() for most, least in _LIMITS]
    print(name.ljust(28), *(f"{share:>7.1%}" for share in shares))


def main() -> None:
    """Report about the folders of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    quality(parser.parse_args().folders)


if __name__ == "__main__":
    main()
