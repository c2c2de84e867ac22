"""Disks that come, go and fill up while the daemon runs, in a mount namespace of its own."""

import subprocess
from pathlib import Path

import pytest

from tests.cli.test_disks import namespaces_work
from tests.conftest import SAMPLES, Command
from tests.daemon.conftest import SETTLE_SECONDS

pytestmark = pytest.mark.skipif(not namespaces_work(), reason="no mount namespaces here")

PREPARE = """
wait_for() {  # a text that the command prints, for half a minute
  for _ in $(seq 300); do
    if [ "$(eval "$2" 2>/dev/null)" = "$1" ]; then return; fi
    sleep 0.1
  done
  echo "not '$1' but '$(eval "$2" 2>&1)'" >&2
  cat ../log >&2
  exit 1
}
found() { "$PYTHON" -m photond query x --paths | sort | tr '\\n' ' '; }
start() { "$PYTHON" -m photond run 2>> ../log & daemon=$!; }
trap 'kill $daemon' EXIT
"""


def run_script(photond: Command, photos: Path, script: str) -> str:
    """Run a shell script beside the photos; returns what the daemon logged."""
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "bash", "-euc", PREPARE + script],
        env=photond.environ
        | {
            "SAMPLES": str(SAMPLES),
            "PYTHON": photond.argv()[0],
            "PHOTOND_FOLDERS": str(photos),
            "PHOTOND_WATCH_SETTLE_SECONDS": str(SETTLE_SECONDS),
        },
        cwd=photos,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    log = (photos.parent / "log").read_text()
    assert "Traceback" not in log
    return log


def test_a_disk_that_is_unplugged_and_comes_back_costs_nothing(
    photond: Command, photos: Path
) -> None:
    (photos / "usb").mkdir()
    here, there = f"{photos}/cat.jpg", f"{photos}/usb/dcim/coffee.jpg"
    log = run_script(
        photond,
        photos,
        f"""
        cp $SAMPLES/cat.jpg .
        start
        wait_for "{here} " found
        mount -t tmpfs disk usb
        mkdir usb/dcim
        cp $SAMPLES/coffee.jpg usb/dcim
        wait_for "{here} {there} " found
        # The disk goes on living under another place, as an unplugged one does.
        mkdir ../away
        mount --move usb ../away 2>/dev/null || mount --bind usb ../away
        mountpoint -q usb && umount usb
        wait_for "{here} " found
        cp $SAMPLES/rocket.jpg ../away/dcim/new.jpg
        mount --bind ../away usb
        wait_for "{here} {there} {photos}/usb/dcim/new.jpg " found
        # And it is watched again.
        rm usb/dcim/new.jpg
        wait_for "{here} {there} " found
        """,
    )
    assert log.count("a mount has changed") >= 3


def test_a_full_disk_is_waited_out_without_losing_anything(photond: Command, photos: Path) -> None:
    expected = " ".join(f"{photos}/{number}.jpg" for number in range(10, 50))
    log = run_script(
        photond,
        photos,
        f"""
        mkdir ../small
        mount -t tmpfs -o size=1500k small ../small
        export PHOTOND_DATABASE=$(realpath ../small)/index.db PHOTOND_QUERY_LIMIT=100
        start
        wait_for yes 'test -e ../small/index.db && echo yes'
        for n in $(seq 10 49); do cp $SAMPLES/cat.jpg $n.jpg; echo $n >> $n.jpg; done
        wait_for yes 'grep -q waiting ../log && echo yes'
        sleep 3
        kill -0 $daemon
        mount -o remount,size=100m ../small
        wait_for "{expected} " found
        """,
    )
    assert "is full" in log


def test_a_daemon_that_is_started_on_a_full_disk_waits_for_room(
    photond: Command, photos: Path
) -> None:
    log = run_script(
        photond,
        photos,
        f"""
        mkdir ../small
        mount -t tmpfs -o size=8m small ../small
        export PHOTOND_DATABASE=$(realpath ../small)/index.db
        cp $SAMPLES/cat.jpg .
        fill() {{ dd if=/dev/zero of=../small/ballast bs=4k 2>/dev/null || true; }}
        fill
        start
        wait_for yes 'grep -q waiting ../log && echo yes'
        rm ../small/ballast
        wait_for "{photos}/cat.jpg " found
        # And once more with an index that is there.
        kill -9 $daemon
        fill
        start
        wait_for 2 'grep -c waiting ../log'
        kill -0 $daemon
        cp $SAMPLES/coffee.jpg .
        rm ../small/ballast
        wait_for "{photos}/cat.jpg {photos}/coffee.jpg " found
        """,
    )
    assert "is full" in log
