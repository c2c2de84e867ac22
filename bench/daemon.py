"""What an idle daemon costs, and how soon it has a photo.

Starts `photond run` on a folder with the sample photos, as it is set up by default, and prints how long
after its copy a photo is in the index, how much memory the daemon has with its models and without, and
how often it wakes up in a minute in which nothing happens. The least latency that there can be is the
time for which a photo must have stood still, `watch.settle_seconds`; idle memory is held against 80 MB.

    python -m bench.daemon [--photos 10] [--idle 60] [--thorough] [--json]
"""

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bench.measurement import Measurement, run_benchmark
from bench.tree import cpu_seconds, resident_bytes
from photond.config.settings import Settings

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
UNLOAD_SECONDS = 10
IDLE_MB = 80.0
IDLE, THOROUGH = 60.0, 600.0
SETTLE_SECONDS = Settings().watch.settle_seconds


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `measure` wants to know."""
    parser.add_argument("--photos", type=int, default=10)
    parser.add_argument("--idle", type=float, help=f"{IDLE:.0f}; with --thorough {THOROUGH:.0f}")
    parser.add_argument("--thorough", action="store_true")


def measure(options: argparse.Namespace) -> list[Measurement]:
    """Memory at each stage of a daemon's day, its wakeups when idle, and how soon it has a photo."""
    idle = options.idle or (THOROUGH if options.thorough else IDLE)
    with tempfile.TemporaryDirectory() as place:
        photos, database = Path(place, "photos"), Path(place, "index.db")
        shutil.copytree(SAMPLES, photos)
        environ = os.environ | {
            "PHOTOND_FOLDERS": str(photos),
            "PHOTOND_DATABASE": str(database),
            "PHOTOND_MODEL_IDLE_UNLOAD_SECONDS": str(UNLOAD_SECONDS),
            "XDG_CONFIG_HOME": place,
            "XDG_RUNTIME_DIR": place,
        }
        photond = [sys.executable, "-m", "photond"]
        # As every time but the first: making the schema takes a library of its own.
        subprocess.run([*photond, "index", "--json"], env=environ, check=True, capture_output=True)
        daemon = subprocess.Popen([*photond, "run"], env=environ, stderr=subprocess.DEVNULL)
        try:
            time.sleep(5)
            rows = [memory("before any photo", daemon.pid)]
            latencies = [copy_one(photos, database, number) for number in range(options.photos)]
            rows.append(memory("with the model", daemon.pid))
            subprocess.run([*photond, "query", "cat"], env=environ, check=True, capture_output=True)
            rows.append(memory("after a search", daemon.pid))
            time.sleep(UNLOAD_SECONDS + 5)
            rows.append(memory("idle, without models", daemon.pid, at_most=1.0))
            before, used = wakeups(daemon.pid), cpu_seconds(daemon.pid)
            time.sleep(idle)
            woken = wakeups(daemon.pid) - before
            used = cpu_seconds(daemon.pid) - used
        finally:
            daemon.terminate()
            daemon.wait()
    case = f"idle for {idle:.0f} s"
    return [
        *rows,
        Measurement("daemon", f"{case}: wakeups", woken, idle, "", "one a second"),
        Measurement("daemon", f"{case}: processor", used, idle, "s", "one core"),
        Measurement(
            "daemon",
            "copied to indexed, median",
            statistics.median(latencies),
            SETTLE_SECONDS,
            "s",
            "watch.settle_seconds",
        ),
    ]


def copy_one(photos: Path, database: Path, number: int) -> float:
    """Copy a photo of its own, and return how long it takes to be in the index."""
    name = f"new {number}.jpg"
    data = (SAMPLES / "cat.jpg").read_bytes() + bytes([number])
    (photos / name).write_bytes(data)
    started = time.monotonic()

    def is_there() -> bool:
        with closing(sqlite3.connect(database, timeout=30)) as connection:
            query = "select 1 from files where name = ? and content_id is not null"
            return connection.execute(query, (name,)).fetchone() is not None

    wait_for(is_there)
    return time.monotonic() - started


def wait_for(condition: Callable[[], bool]) -> None:
    """Ask until it is so."""
    while not condition():
        time.sleep(0.02)


def memory(case: str, pid: int, at_most: float | None = None) -> Measurement:
    """What a process and its children have in memory, those included that others share."""
    used = resident_bytes(pid) / 1e6
    return Measurement("daemon", case, used, IDLE_MB, "MB", "80 MB", at_most=at_most)


def wakeups(pid: int) -> int:
    """How often the threads of a process have gone to sleep so far."""
    return sum(
        int(path.read_text().partition("\nvoluntary_ctxt_switches:")[2].split()[0])
        for path in Path(f"/proc/{pid}/task").glob("*/status")
    )


if __name__ == "__main__":
    run_benchmark(__doc__, add_options, measure)
