"""photond beside its nearest peer, rclip, with the same tower, on the same photos, in one run.

    python -m bench.peers [--thorough] [--json] [--rclip COMMAND]

rclip (MIT) is installed from the package index into an environment of its own, unless a command is
named. Both get one and the same pair of graphs: a ViT-B/32 at 256 pixels with 512 numbers an embedding,
the shape of the model that rclip uses, in float32 and with random weights. Those answer nonsense, and
cost what trained ones cost. What is measured is what a user waits for: rclip's one command looks for new
photos, embeds them and answers; of photond it is two commands, or one where its daemon runs.
"""

import argparse
import gzip
import sqlite3
import subprocess
import sys
import tempfile
import time
import venv
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice, product
from pathlib import Path
from string import ascii_lowercase

import numpy as np
import onnx
from onnx import helper

from bench.measurement import Measurement, run_benchmark
from bench.photos import photos
from bench.process import Cost, cost_of, without_settings
from bench.query import fill
from bench.search import unit
from bench.start import PHOTOND, daemon
from photond.models.pack import Pack
from photond.models.towers import ImageTower
from tools.random_pack import Shape, write_pack

RCLIP = "rclip==3.3.0"
VIT_B32 = Shape(768, 512, 12, 12, 3072, size=256, patch=32, tokens=77, words=49_408, batch=4)
# Where rclip looks for its model below its own folder.
RCLIP_TOWERS = "ViT-B-32-256-datacomp_s34b_b86k"
RCLIP_VOCABULARY = "tokenizer/bpe_simple_vocab_16e6.txt.gz"
RCLIP_MERGES = 49_152 - 256 - 2
SIZES, THOROUGH = (24, 200, 20_000), (60, 1_000, 100_000)
# From so many photos on, finding is what an answer takes.
_MANY = 100_000
LIMIT = "20"
QUESTIONS = ("a dog on the beach", "a red car", "snow in the mountains", "birthday cake", "a cat")


@dataclass(frozen=True, slots=True)
class Home:
    """Where each of the two keeps its index of one set of photos.

    Attributes:
        place: A folder.
        photos: What is indexed.
        rclip: rclip's command.
    """

    place: Path
    photos: Path
    rclip: Path

    @property
    def database(self) -> Path:
        """Photond's index."""
        return self.place / "index.db"

    @property
    def rclip_database(self) -> Path:
        """Rclip's index."""
        return self.place / "rclip" / "db.sqlite3"

    @property
    def photond_environ(self) -> dict[str, str]:
        """The environment of photond's user."""
        return without_settings() | {
            "XDG_CONFIG_HOME": f"{self.place}/config",
            "XDG_DATA_HOME": f"{self.place}/data",
            "XDG_STATE_HOME": f"{self.place}/state",
            "XDG_CACHE_HOME": f"{self.place}/cache",
            "XDG_RUNTIME_DIR": f"{self.place}/run",
            "PHOTOND_DATABASE": str(self.database),
            "PHOTOND_FOLDERS": str(self.photos),
            "PHOTOND_MODEL_PACK": "vit-b32",
            # rclip has no tags, and labels would be embedded for minutes before anything is measured.
            "PHOTOND_TAGS_MAX_TAGS": "0",
        }

    @property
    def rclip_environ(self) -> dict[str, str]:
        """The environment of rclip's user."""
        return without_settings() | {
            "RCLIP_DATADIR": f"{self.place}/rclip",
            "HF_HUB_OFFLINE": "1",
            "ORT_DISABLE_TELEMETRY": "1",
        }

    def photond(self, *words: str) -> Cost:
        """Run photond."""
        return cost_of([*PHOTOND, *words], self.photond_environ)

    def ask_photond(self, text: str) -> Cost:
        """Have photond answer."""
        return self.photond("query", text, "--limit", LIMIT, "--paths")

    def ask_rclip(self, text: str, *, look: bool) -> Cost:
        """Have rclip answer, after it has looked for new photos or not."""
        options = ["-f", "-t", LIMIT] if look else ["-n", "-f", "-t", LIMIT]
        return cost_of([str(self.rclip), *options, text], self.rclip_environ, self.photos)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--rclip", type=Path, help="the command, if it is not to be installed")
    parser.add_argument("--thorough", action="store_true", help="the sizes in bench/peers.md")


def measure(options: argparse.Namespace) -> list[Measurement]:
    """Everything about both, in a folder that is there for as long as that takes."""
    with tempfile.TemporaryDirectory(prefix="peers-") as name:
        place = Path(name)
        rclip = options.rclip or install(place)
        return measure_in(place, rclip, THOROUGH if options.thorough else SIZES)


def install(place: Path) -> Path:
    """Rclip in an environment of its own; returns its command."""
    venv.create(place / "venv", with_pip=True)
    pip = [str(place / "venv/bin/python"), "-m", "pip", "install", "--quiet", RCLIP]
    subprocess.run(pip, check=True, stdout=sys.stderr)
    return place / "venv/bin/rclip"


def measure_in(place: Path, rclip: Path, sizes: tuple[int, int, int]) -> list[Measurement]:
    """Everything about both.

    Args:
        place: A folder for all that is made.
        rclip: rclip's command.
        sizes: How many photos of a camera, small photos, and photos to ask among.
    """
    pack = write_pack(place / "models" / "vit-b32", VIT_B32)
    write_rclip_model(place / "rclip-model", pack)
    camera, small, filled = sizes
    made = {
        "camera": photos("camera", camera, place),
        "small": photos("small", small, place),
        "few": photos("small", 4, place),
    }

    def home(name: str) -> Home:
        return make_home(place, made[name], rclip)

    return [
        *first_photos(home("few")),
        *camera_photos(begun(home("camera"), made["few"]), camera, pack),
        *small_photos(begun(home("small"), made["few"]), small),
        *many_photos(home("few"), filled),
    ]


def make_home(place: Path, folder: Path, rclip: Path) -> Home:
    """A home without any index yet."""
    home = Home(Path(tempfile.mkdtemp(prefix="home-", dir=place)), folder, rclip)
    (home.place / "run").mkdir()
    (home.place / "rclip").mkdir()
    for part in (place / "rclip-model").iterdir():
        (home.place / "rclip" / part.name).symlink_to(part)
    (home.place / "data" / "photond").mkdir(parents=True)
    (home.place / "data" / "photond" / "models").symlink_to(place / "models")
    return home


def begun(home: Home, few: Path) -> Home:
    """A home in which both have indexed some photos, as the home of a user who adds more."""
    both_index(replace(home, photos=few))
    return home


def first_photos(home: Home) -> list[Measurement]:
    """The very first pass, in which photond tries the pack out."""
    here, there = both_index(home)
    return [_measured("the first four photos, indexed and answered", here.wall, there.wall, "s")]


def camera_photos(home: Home, count: int, pack: Pack) -> list[Measurement]:
    """Indexing photos of a camera, whose decoding is what the two do differently."""
    tower = tower_seconds(pack)
    here, there = both_index(home)
    measurements = indexed(f"{count} JPEGs of 12 MP", here, there, time_at_most=1.0)
    # What each spends on a photo beside the tower, which is the same for both, and beside its start.
    rest = [
        (cost.cpu - nothing.cpu - count * tower) / count * 1e3
        for cost, nothing in zip((here, there), both_index(home), strict=True)
    ]
    case = f"{count} JPEGs of 12 MP: processor time beside the tower"
    return [*measurements, _measured(case, rest[0], rest[1], "ms a photo", 1 / 2.5)]


def small_photos(home: Home, count: int) -> list[Measurement]:
    """Indexing small photos, which is all tower; and looking at them again."""
    case = f"{count:,} small JPEGs"
    measurements = indexed(case, *both_index(home), time_at_most=1.0)
    again = [
        (home.photond("index").wall, home.ask_rclip(text, look=True).wall)
        for text in QUESTIONS[1:4]
    ]
    here, there = (min(walls) for walls in zip(*again, strict=True))
    return [*measurements, _measured(f"{case}, nothing new", here, there, "s", 1.0)]


def both_index(home: Home) -> tuple[Cost, Cost]:
    """Let both index the photos for the first time and answer; photond's cost and rclip's."""
    indexing, asking = home.photond("index"), home.ask_photond(QUESTIONS[0])
    here = Cost(
        indexing.wall + asking.wall,
        indexing.cpu + asking.cpu,
        max(indexing.peak, asking.peak),
        max(indexing.unbacked, asking.unbacked),
    )
    return here, home.ask_rclip(QUESTIONS[0], look=True)


def indexed(case: str, here: Cost, there: Cost, *, time_at_most: float) -> list[Measurement]:
    """What indexing and a first answer have cost."""
    return [
        _measured(f"{case}, indexed and answered", here.wall, there.wall, "s", time_at_most),
        _measured(f"{case}: processor time", here.cpu, there.cpu, "s"),
        _measured(f"{case}: peak memory", here.peak / 1e6, there.peak / 1e6, "MB", 1 / 3),
        _measured(
            f"{case}: peak memory that is in no file",
            here.unbacked / 1e6,
            there.unbacked / 1e6,
            "MB",
            1 / 3,
        ),
    ]


def many_photos(home: Home, count: int) -> list[Measurement]:
    """Answering, with so many photos in the index of each."""
    home.photond("index")
    home.ask_photond(QUESTIONS[0])
    home.ask_rclip(QUESTIONS[0], look=True)
    fill(home.database, count)
    fill_rclip(home, count)
    home.photond("index")  # makes what searches read, as the daemon does by itself
    case = f"a question to {count:,} photos"
    alone = home.ask_photond(QUESTIONS[1])
    with daemon(home.photond_environ):
        home.ask_photond(QUESTIONS[0])
        # Each asks something new each time, as nothing that photond remembers is to help it.
        here = [home.ask_photond(f"{text} at night") for text in QUESTIONS]
    there = [home.ask_rclip(f"{text} at night", look=False) for text in QUESTIONS]
    rclip = min(cost.wall for cost in there) * 1e3
    return [
        # Of few photos, what is left is the start of a process.
        _measured(
            case,
            min(cost.wall for cost in here) * 1e3,
            rclip,
            "ms",
            1 / 10 if count >= _MANY else None,
        ),
        _measured(f"{case}, without the daemon", alone.wall * 1e3, rclip, "ms"),
        _measured(
            f"{case}: peak memory, without the daemon",
            alone.peak / 1e6,
            max(cost.peak for cost in there) / 1e6,
            "MB",
        ),
    ]


def tower_seconds(pack: Pack) -> float:
    """The processor seconds that the image tower takes for a picture, on one thread."""
    tower = ImageTower(pack)
    pixels = np.zeros((1, 3, pack.image.size, pack.image.size), np.float32)
    tower.embed(pixels)
    least = float("inf")
    for _ in range(10):
        before = time.process_time()
        tower.embed(pixels)
        least = min(least, time.process_time() - before)
    return least


def write_rclip_model(folder: Path, pack: Pack) -> None:
    """The pack's towers as rclip reads them, and a vocabulary of the size that it expects."""
    towers, vocabulary = folder / RCLIP_TOWERS, folder / RCLIP_VOCABULARY
    towers.mkdir(parents=True)
    vocabulary.parent.mkdir()
    for source, name in ((pack.image, "visual"), (pack.text, "textual")):
        graph = renamed(onnx.load(pack.path_of(source)), source.input, source.output)
        onnx.save(graph, towers / f"{name}.onnx")
    # Pairs that no text has: every letter is a token of its own, which costs the tower nothing more.
    letters = product(ascii_lowercase, repeat=4)
    pairs = (f"{''.join(word)}0 {''.join(word)}1" for word in islice(letters, RCLIP_MERGES))
    with gzip.open(vocabulary, "wt", encoding="utf-8") as file:
        file.write("\n".join(["#version", *pairs]))


def renamed(model: onnx.ModelProto, source: str, result: str) -> onnx.ModelProto:
    """A graph with `input` and `output` for the names of its input and output."""
    graph = model.graph
    graph.node.insert(0, helper.make_node("Identity", ["input"], [source]))
    graph.node.append(helper.make_node("Identity", [result], ["output"]))
    graph.input[0].name, graph.output[0].name = "input", "output"
    return model


def fill_rclip(home: Home, count: int) -> None:
    """Add photos to rclip's index as if they had been indexed; they lie nowhere."""
    draws = np.random.default_rng(7)
    with closing(sqlite3.connect(home.rclip_database)) as connection, connection:
        for number in range(count):
            vector = unit(draws.standard_normal((1, VIT_B32.embedding))).astype(np.float32)
            connection.execute(
                "insert into images (filepath, modified_at, size, vector, hash) values (?, 1, 1, ?, ?)",
                (
                    f"{home.photos}/{number // 200}/IMG_{number}.jpg",
                    vector.tobytes(),
                    f"{number:x}",
                ),
            )


def _measured(
    case: str, here: float, there: float, unit_: str, at_most: float | None = None
) -> Measurement:
    return Measurement("peers", case, here, there, unit_, "rclip", at_most=at_most)


if __name__ == "__main__":
    run_benchmark(__doc__, add_options, measure)
