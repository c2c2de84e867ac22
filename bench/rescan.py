"""What a pass over an unchanged library costs, against the least that it could cost.

The baseline, measured in the same run on the same files, is `os.scandir` with one `stat` a file, which
any program has to do that wants to know whether a file changed. The library is made of files that the
index takes for copies of one photo: an unchanged file costs the same whatever it shows. Both are
measured in turns, the pass as its own summary says it, and as the whole command takes it.

    python -m bench.rescan [--photos 100000] [--in-folder 100 20] [--thorough] [--json]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench.measurement import Measurement, run_benchmark
from bench.process import Cost, cost_of, without_settings
from photond.pipeline.walk import file_stat
from photond.store import files
from photond.store.database import open_index, transaction

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "balloon.jpg"
PHOTOS, THOROUGH = 100_000, 1_000_000
# As many as a camera makes in a holiday, and as somebody keeps of an afternoon.
IN_FOLDER = (100, 20)
WANTED = 1.3
_LOOK_SECONDS = 0.01
# How much more memory ten times as many photos may take.
MEMORY = 1.1
INDEX = [sys.executable, "-m", "photond", "index", "--json"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen."""
    parser.add_argument("--photos", type=int, help=f"{PHOTOS:,}; with --thorough {THOROUGH:,}")
    parser.add_argument(
        "--in-folder",
        type=int,
        nargs="+",
        default=IN_FOLDER,
        help="photos in one folder; 100 and 20",
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the library is made, and removed again")
    parser.add_argument("--thorough", action="store_true")


def measure(options: argparse.Namespace) -> list[Measurement]:
    """Everything about one size of library, for each way to spread it over folders."""
    photos = options.photos or (THOROUGH if options.thorough else PHOTOS)
    return [
        one
        for in_folder in options.in_folder
        for one in measure_one(photos, in_folder, options.repeats, options.folder)
    ]


def measure_one(photos: int, in_folder: int, repeats: int, place: Path | None) -> list[Measurement]:
    """A pass and its command, and the memory for them against that for a tenth of the photos."""
    small = Library(max(1, photos // 10), in_folder, place)
    with small:
        small.passes(1)
        few = small.peak()
    large = Library(photos, in_folder, place)
    with large:
        large.passes(1)
        passes, baselines, commands = [], [], []
        for _ in range(repeats):
            baselines.append(large.baseline())
            passes += large.passes(1)
            commands.append(large.command())
        most = large.peak()
    # The least of each, which no neighbour adds to.
    least = min(baselines)
    case = f"{photos:,} unchanged photos, {in_folder} a folder"
    is_stat = "os.scandir and stat"
    return [
        Measurement("rescan", case, min(passes), least, "s", is_stat, at_most=WANTED),
        Measurement(
            "rescan",
            f"{case}: the whole command",
            min(command.wall for command in commands),
            least,
            "s",
            is_stat,
        ),
        Measurement(
            "rescan",
            f"{case}: peak memory",
            most / 1e6,
            few / 1e6,
            "MB",
            "for a tenth of them",
            at_most=MEMORY,
        ),
    ]


class Library:
    """A folder with files that an index has, for as long as the block lasts.

    Args:
        photos: How many.
        in_folder: How many of them lie in one folder.
        place: Where it is made.
    """

    def __init__(self, photos: int, in_folder: int, place: Path | None) -> None:
        self._photos = photos
        self._in_folder = in_folder
        self._where = tempfile.TemporaryDirectory(prefix="rescan-", dir=place)

    def __enter__(self) -> None:
        place = Path(self._where.name)
        self._root = place / "photos"
        self._environ = without_settings() | {
            "PHOTOND_DATABASE": f"{place}/index.db",
            "XDG_CONFIG_HOME": str(place),
            "XDG_RUNTIME_DIR": str(place),
        }
        self._root.mkdir()
        (self._root / "sample.jpg").write_bytes(SAMPLE.read_bytes())
        self.command()
        with closing(open_index(place / "index.db")) as connection, transaction(connection):
            (content_id,) = connection.execute("select id from contents").fetchone()
            for folder in self._folders():
                folder_id = files.add_folder(connection, str(folder))
                rows = ((folder_id, content_id, entry) for entry in os.scandir(folder))
                connection.executemany(
                    """
                    insert into files (folder_id, content_id, name, size, mtime_ns, inode)
                    values (?, ?, ?, ?, ?, ?)
                    """,
                    (
                        (folder_id, content_id, stat.name, stat.size, stat.mtime_ns, stat.inode)
                        for folder_id, content_id, entry in rows
                        for stat in (file_stat(entry.name, entry.stat()),)
                    ),
                )

    def __exit__(self, *_: object) -> None:
        self._where.cleanup()

    def passes(self, count: int) -> list[float]:
        """Passes, each in the seconds that its summary says."""
        seconds = []
        for _ in range(count):
            argv = [*INDEX, str(self._root)]
            done = subprocess.run(argv, env=self._environ, check=True, capture_output=True)
            summary = json.loads(done.stdout)
            assert summary["unchanged"] == self._photos + 1, summary
            seconds.append(summary["seconds"])
        return seconds

    def command(self) -> Cost:
        """What a pass costs with the start and the end of its process."""
        return cost_of([*INDEX, str(self._root)], self._environ)

    def peak(self) -> int:
        """The most bytes that a pass has in memory: one process, in which others can have no share."""
        argv = [*INDEX, str(self._root)]
        most = 0
        with subprocess.Popen(argv, env=self._environ, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                most = max(most, _high_water(process.pid))
                time.sleep(_LOOK_SECONDS)
        assert process.returncode == 0
        return most

    def baseline(self) -> float:
        """Seconds for the least that there is to do."""
        started = time.perf_counter()
        assert walk_and_stat(str(self._root)) == self._photos + 1
        return time.perf_counter() - started

    def _folders(self) -> Iterator[Path]:
        """The folders, each full of files by now."""
        for first in range(0, self._photos, self._in_folder):
            number = first // self._in_folder
            folder = self._root / f"{number // 100:03}" / f"{number:06}"
            folder.mkdir(parents=True)
            for photo in range(first, min(first + self._in_folder, self._photos)):
                (folder / f"IMG_{photo:07}.jpg").touch()
            yield folder


def _high_water(pid: int) -> int:
    """The most bytes that a process has had in memory, those that it shares included."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return kilobytes[0] * 1024 if kilobytes else 0  # nothing once it has ended


def walk_and_stat(root: str) -> int:
    """The baseline; returns the number of files."""
    count = 0
    for entry in os.scandir(root):
        if entry.is_dir(follow_symlinks=False):
            count += walk_and_stat(entry.path)
        else:
            entry.stat()
            count += 1
    return count


if __name__ == "__main__":
    run_benchmark(__doc__, add_options, measure)
