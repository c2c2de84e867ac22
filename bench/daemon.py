"""What an idle daemon costs, and how soon it has a photo.

Starts `photond run` on a folder with the sample photos, as it is set up by default, and prints how long
after its copy a photo is in the index, how much memory the daemon has with its models and without, and
how often it wakes up in a minute in which nothing happens. The least latency that there can be is the
time for which a photo must have stood still, `watch.settle_seconds`.

    python bench/daemon.py [--photos 10] [--idle 60]
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

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
UNLOAD_SECONDS = 10


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, default=10)
    parser.add_argument("--idle", type=float, default=60)
    options = parser.parse_args()
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
            print(f"before any photo   {memory(daemon.pid)}")
            latencies = [copy_one(photos, database, number) for number in range(options.photos)]
            print(f"with the model     {memory(daemon.pid)}")
            subprocess.run([*photond, "query", "cat"], env=environ, check=True, capture_output=True)
            print(f"after a search     {memory(daemon.pid)}")
            time.sleep(UNLOAD_SECONDS + 5)
            print(f"without models     {memory(daemon.pid)}")
            before, ticks = wakeups(daemon.pid), processor_ticks(daemon.pid)
            time.sleep(options.idle)
            woken, used = wakeups(daemon.pid) - before, processor_ticks(daemon.pid) - ticks
            print(f"idle for {options.idle:.0f} s      {woken:6} wakeups, {used} processor ticks")
        finally:
            daemon.terminate()
            daemon.wait()
    median, worst = statistics.median(latencies), max(latencies)
    print(f"copied to indexed  {median:6.2f} s in the middle, {worst:.2f} s at worst")


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


def memory(pid: int) -> str:
    """What a process has in memory: all of it, its share of what others have as well, and its own."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = {
        name: int(value.split()[0])
        for name, _, value in (line.partition(":") for line in text.splitlines()[1:])
    }
    private = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    amounts = {
        "resident": kilobytes["Rss"],
        "proportional": kilobytes["Pss"],
        "private": private,
        "private and written": kilobytes["Private_Dirty"],
    }
    return ", ".join(f"{amount * 1024 / 1e6:5.1f} MB {name}" for name, amount in amounts.items())


def wakeups(pid: int) -> int:
    """How often the threads of a process have gone to sleep so far."""
    return sum(
        int(path.read_text().partition("\nvoluntary_ctxt_switches:")[2].split()[0])
        for path in Path(f"/proc/{pid}/task").glob("*/status")
    )


def processor_ticks(pid: int) -> int:
    """Processor time of a process so far, in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


if __name__ == "__main__":
    main()
