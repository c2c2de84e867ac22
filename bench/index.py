"""How near indexing comes to the bound that the processor sets.

A photo costs the processor seconds of its decoding and of its tower: cores / (decode + tower) photos a
second is the most there can be (`bench.bound`). Against that stand, on the same cores in the same run:

- *working*: `photond index` as a process. Of its time is taken off what the same command takes with a
  photo a core: starting Python, opening the index, loading the model, and the end of a pass. So it is
  what each further photo costs until it is committed: reading, hashing, decoding, embedding, tagging,
  and the rows, and the copy of the vectors that searches read.
- *processor*: the same in photos a processor second of all its processes, which no neighbour's noise
  touches.
- *whole*: photos over the whole time of the process, from its start to its end; nothing is demanded of
  it, because it says as much about the number of photos.
- *start*: that time which was taken off.
- *backlog*: `photond run` with the photos waiting, between two commits, by what stands in the index.

SigLIP's towers have random weights in its shape, and the pack's labels are embedded beforehand
(`bench.packs`). A file is read from the page cache: the disk is not measured.

    python -m bench.index [--thorough] [--cache DIR] [--packs mini] [--kinds camera] [--cores 1 2]
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import packs
from bench.bound import Bound, measure_bound, only_on
from bench.measurement import Measurement, run_benchmark
from bench.photos import KINDS, paths_in, photos
from bench.process import without_settings
from bench.tree import cpu_seconds
from photond.models.pack import Pack
from photond.models.prepared import PreparedTowers
from photond.store.database import connect_read_only

CACHE = Path(tempfile.gettempdir()) / "photond-bench"
WANTED = 0.95
_LOAD = """
import sys
from pathlib import Path
from photond.models.pack import load_pack
from photond.models.prepared import all_prepared
from photond.models.towers import ImageTower
ImageTower(load_pack(Path(sys.argv[1])), prepared=all_prepared())
"""
PACKS = (packs.MINI, packs.INT8, packs.FP32)
# How many periods of a set are indexed, so that each takes some seconds on a core.
PERIODS: Mapping[str, Mapping[str, int]] = {
    packs.MINI: {"camera": 16, "small": 30, "mix": 9},
    packs.INT8: {"camera": 8, "small": 6, "mix": 6},
    packs.FP32: {"camera": 4, "small": 2, "mix": 4},
}
_THOROUGH = 4
_TURNS = 2
_POLL_SECONDS = 0.02
PHOTOND = (sys.executable, "-m", "photond")


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured.

    Attributes:
        pack: The pack.
        kind: Of photos.
        folder: The photos.
        cores: The numbers of the cores that may be used.
        cache: Where the sets and packs are.
    """

    pack: Pack
    kind: str
    folder: Path
    cores: Sequence[int]
    cache: Path

    def __str__(self) -> str:
        cores = f"{len(self.cores)} core{'s' if len(self.cores) > 1 else ''}"
        return f"{self.pack.name}, {self.kind}, {cores}"

    def bound(self) -> Bound:
        """What a photo costs at least."""
        period = paths_in(self.folder)[: KINDS[self.kind].period]
        return measure_bound(self.pack.folder, period, self.cores)


@dataclass(frozen=True, slots=True)
class Used:
    """What work took: wall time and processor time of all processes, in seconds."""

    wall: float
    processor: float

    def __sub__(self, other: "Used") -> "Used":
        return Used(self.wall - other.wall, self.processor - other.processor)

    @staticmethod
    def mean(of: Sequence["Used"]) -> "Used":
        """Of several times the same work."""
        return Used(
            statistics.mean(one.wall for one in of), statistics.mean(one.processor for one in of)
        )


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `measure` wants to know."""
    parser.add_argument("--cache", type=Path, default=CACHE, help="keeps photos and packs, 3 GB")
    parser.add_argument("--packs", nargs="+", choices=PACKS, default=PACKS)
    parser.add_argument(
        "--kinds", nargs="+", choices=("camera", "small", "mix"), default=["camera", "small", "mix"]
    )
    parser.add_argument("--cores", type=int, nargs="+", help="1, 2 and all if not given")
    parser.add_argument(
        "--thorough", action="store_true", help="more photos, and all on each count"
    )


def measure(options: argparse.Namespace) -> list[Measurement]:
    """What indexing comes to, against the bound."""
    return [one for case in _cases(options) for one in measure_case(case)] + [
        one for case in _backlogs(options) for one in measure_backlog(case)
    ]


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    available = sorted(os.sched_getaffinity(0))
    counts = sorted(set(options.cores or (1, 2, len(available))) & set(range(len(available) + 1)))
    for name in options.packs:
        for kind in options.kinds:
            for count in counts:
                # Kinds differ in what a photo costs, and cores in how many there are: both together
                # tell little more.
                if options.thorough or kind == "camera" or count == counts[-1]:
                    yield _case(options, name, kind, available[:count])


def _backlogs(options: argparse.Namespace) -> Iterator[Case]:
    cores = sorted(os.sched_getaffinity(0))
    for name in options.packs:
        for kind in options.kinds if options.thorough else options.kinds[:1]:
            yield _case(options, name, kind, cores)


def _case(options: argparse.Namespace, name: str, kind: str, cores: Sequence[int]) -> Case:
    periods = PERIODS[name][kind] * (_THOROUGH if options.thorough else 1)
    folder = photos(kind, periods * KINDS[kind].period, options.cache)
    return Case(packs.find(name, options.cache), kind, folder, cores, options.cache)


def measure_case(case: Case) -> list[Measurement]:
    """`photond index` against the bound, in turns, as a machine is not equally fast all the time."""
    count, few = len(paths_in(case.folder)), len(case.cores)
    bounds, wholes = [case.bound().seconds], []
    start = _index(case, photos(case.kind, few, case.cache))
    for _ in range(_TURNS):
        wholes.append(_index(case, case.folder))
        bounds.append(case.bound().seconds)
    bound, whole = statistics.mean(bounds), Used.mean(wholes)
    further = whole - start
    return [
        _against_bound(case, "working", (count - few) / further.wall, few / bound, "photos/s"),
        _against_bound(
            case, "processor", (count - few) / further.processor, 1 / bound, "photos/CPU s"
        ),
        _against_bound(case, "whole", count / whole.wall, few / bound, "photos/s", wanted=None),
        Measurement(
            "index", f"{case}: start", start.wall, whole.wall, "s", f"whole, {count} photos"
        ),
    ]


def measure_backlog(case: Case) -> list[Measurement]:
    """What the daemon makes of photos that wait for it, against the bound."""
    before = case.bound()
    with home(case, case.folder) as environ, only_on(case.cores):
        daemon = subprocess.Popen([*PHOTOND, "run"], env=environ, stderr=subprocess.DEVNULL)
        try:
            done, used = _between_commits(
                Path(environ["PHOTOND_DATABASE"]), daemon, len(paths_in(case.folder))
            )
        finally:
            daemon.terminate()
            daemon.wait()
    bound = statistics.mean((before.seconds, case.bound().seconds))
    cores = len(case.cores)
    return [
        _against_bound(case, "backlog", done / used.wall, cores / bound, "photos/s"),
        _against_bound(
            case, "backlog, processor", done / used.processor, 1 / bound, "photos/CPU s"
        ),
    ]


def _against_bound(
    case: Case, what: str, value: float, bound: float, unit: str, *, wanted: float | None = WANTED
) -> Measurement:
    return Measurement("index", f"{case}: {what}", value, bound, unit, "bound", at_least=wanted)


def _index(case: Case, folder: Path) -> Used:
    with home(case, folder) as environ, only_on(case.cores):
        started, before = time.perf_counter(), os.times()
        subprocess.run(
            [*PHOTOND, "index", "--json"], env=environ, check=True, stdout=subprocess.DEVNULL
        )
        after, wall = os.times(), time.perf_counter() - started
    return Used(
        wall,
        after.children_user + after.children_system - before.children_user - before.children_system,
    )


def _between_commits(
    database: Path, daemon: "subprocess.Popen[bytes]", count: int
) -> tuple[int, Used]:
    """How many photos came into the index between the first commit and the last, and in what."""

    def photos_there() -> int:
        row = connection.execute("select count(*) from contents").fetchone()
        return int(row[0])

    def now() -> Used:
        return Used(time.perf_counter(), cpu_seconds(daemon.pid))

    with closing(connect_read_only(database, 10)) as connection:
        while (first := photos_there()) == 0:
            _poll(daemon)
        began = now()
        while photos_there() < count:
            _poll(daemon)
        return count - first, now() - began


def _poll(daemon: "subprocess.Popen[bytes]") -> None:
    if daemon.poll() is not None:
        raise RuntimeError(f"the daemon ended with {daemon.returncode}")
    time.sleep(_POLL_SECONDS)


@contextmanager
def home(case: Case, folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a user with a folder of photos, who has indexed none of them yet."""
    template = case.cache / f"{case.pack.name}-{case.pack.fingerprint[:8]}.db"
    if not template.exists():
        unfinished = template.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        packs.write_index(unfinished, case.pack)
        unfinished.rename(template)
    with tempfile.TemporaryDirectory(prefix="index-") as place:
        database = Path(place, "index.db")
        shutil.copyfile(template, database)
        environ = without_settings() | {
            "PHOTOND_FOLDERS": str(folder),
            "PHOTOND_DATABASE": str(database),
            "PHOTOND_MODEL_PACK": case.pack.name,
            "XDG_DATA_HOME": str(packs.data_home(case.cache)),
            "XDG_STATE_HOME": str(case.cache / "state"),
            "XDG_CACHE_HOME": str(case.cache / "cache"),
            "XDG_CONFIG_HOME": place,
            "XDG_RUNTIME_DIR": place,
        }
        _prepare(case, environ)
        yield environ


def _prepare(case: Case, environ: Mapping[str, str]) -> None:
    """Have the image tower kept as it is made ready, as it is on all days but the first."""
    prepared = PreparedTowers(
        case.cache / "cache/photond/towers", packs.data_home(case.cache) / "photond/models"
    )
    if prepared.bytes_of(case.pack):
        return
    load = [sys.executable, "-c", _LOAD, case.pack.folder]
    subprocess.run(load, env=environ, check=True)


if __name__ == "__main__":
    run_benchmark(__doc__, add_options, measure)
