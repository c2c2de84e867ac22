"""How long a pass over an unchanged library takes, against the least that it could take.

The baseline, measured in the same run on the same files, is `os.scandir` with one `stat` a file, which
any program has to do that wants to know whether a file changed. The library is made of copies of one
photo under different names: an unchanged file costs the same whatever it shows.

    python bench/rescan.py [--photos 20000] [--folders 200]
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "balloon.jpg"


def make_library(root: Path, photos: int, folders: int) -> None:
    """Fill a folder with copies of one photo."""
    for number in range(folders):
        (root / f"{number:04}").mkdir()
    for number in range(photos):
        shutil.copy(SAMPLE, root / f"{number % folders:04}" / f"{number:06}.jpg")


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


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--folders", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place, "photos")
        root.mkdir()
        make_library(root, options.photos, options.folders)
        environ = os.environ | {"PHOTOND_DATABASE": f"{place}/index.db", "XDG_CONFIG_HOME": place}
        index = [sys.executable, "-m", "photond", "index", "--json", str(root)]
        subprocess.run(index, env=environ, check=True, capture_output=True)
        passes, baselines = [], []
        for _ in range(options.repeats):
            done = subprocess.run(index, env=environ, check=True, capture_output=True)
            summary = json.loads(done.stdout)
            assert summary["unchanged"] == options.photos, summary
            passes.append(summary["seconds"])
            started = time.perf_counter()
            assert walk_and_stat(str(root)) == options.photos
            baselines.append(time.perf_counter() - started)
    each, least = statistics.median(passes), statistics.median(baselines)
    photos = options.photos
    print(f"{photos:,} unchanged photos in {options.folders:,} folders, {options.repeats} passes")
    print(f"  pass       {each:7.2f} s   {each / photos * 1e6:7.1f} us a photo")
    print(f"  scan+stat  {least:7.2f} s   {least / photos * 1e6:7.1f} us a photo")
    print(f"  ratio      {each / least:7.2f}")


if __name__ == "__main__":
    main()
