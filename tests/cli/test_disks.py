"""Disks that come and go, with real mounts in a mount namespace of their own."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import SAMPLES, Command


def namespaces_work() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = ["unshare", "--mount", "--map-root-user", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not namespaces_work(), reason="no mount namespaces here")


def run_script(photond: Command, script: str) -> list[dict[str, int]]:
    """Run a shell script in its own mount namespace; returns the summaries that it prints."""
    index = " ".join(photond.argv("index", "--json"))
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "bash", "-euc", script],
        env=photond.environ | {"SAMPLES": str(SAMPLES), "INDEX": index},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    decoder = json.JSONDecoder()
    summaries, rest = [], done.stdout.strip()
    while rest:
        summary, end = decoder.raw_decode(rest)
        summaries.append(summary)
        rest = rest[end:].strip()
    return summaries


def test_an_unplugged_disk_below_a_folder_keeps_its_photos(photond: Command, photos: Path) -> None:
    (photos / "usb").mkdir()
    first, unplugged, still, back = run_script(
        photond,
        f"""
        cd {photos}
        cp $SAMPLES/cat.jpg .
        dd if=/dev/zero of=../disk bs=1M count=8 status=none
        mount -t tmpfs disk usb
        mkdir usb/dcim
        cp $SAMPLES/coffee.jpg usb/dcim
        $INDEX .
        # The disk goes on living under another place, as an unplugged one does.
        mkdir ../away
        mount --move usb ../away 2>/dev/null || mount --bind usb ../away
        mountpoint -q usb && umount usb
        export PHOTOND_INDEX_FORGET_AFTER_DAYS=0
        $INDEX .
        $INDEX .
        mount --bind ../away usb
        $INDEX .
        """,
    )
    assert first["new"] == 2
    assert (unplugged["offline"], unplugged["missing"], unplugged["forgotten"]) == (1, 0, 0)
    assert (still["offline"], still["forgotten"]) == (1, 0)
    assert (back["offline"], back["unchanged"], back["new"]) == (0, 2, 0)


def test_another_disk_in_the_same_place_is_not_the_first_one_emptied(
    photond: Command, photos: Path
) -> None:
    (photos / "usb").mkdir()
    first, other = run_script(
        photond,
        f"""
        cd {photos}
        mount -t tmpfs one usb
        cp $SAMPLES/coffee.jpg usb
        $INDEX .
        umount usb
        mount -t tmpfs two usb
        cp $SAMPLES/cat.jpg usb
        PHOTOND_INDEX_FORGET_AFTER_DAYS=0 $INDEX .
        """,
    )
    assert first["new"] == 1
    assert (other["new"], other["offline"], other["forgotten"]) == (1, 1, 0)


def test_a_photo_deleted_from_a_disk_that_is_there_is_missing(
    photond: Command, photos: Path
) -> None:
    (photos / "usb").mkdir()
    _, second = run_script(
        photond,
        f"""
        cd {photos}
        mount -t tmpfs one usb
        cp $SAMPLES/coffee.jpg $SAMPLES/cat.jpg usb
        $INDEX .
        rm usb/cat.jpg
        $INDEX .
        """,
    )
    assert (second["missing"], second["offline"], second["unchanged"]) == (1, 0, 1)


def test_a_full_disk_is_said_in_a_line_and_loses_nothing(photond: Command, photos: Path) -> None:
    summary, *_ = run_script(
        photond,
        f"""
        cd {photos}
        for n in $(seq 40); do cp $SAMPLES/cat.jpg $n.jpg; echo $n >> $n.jpg; done
        mkdir ../small
        mount -t tmpfs -o size=2m small ../small
        export PHOTOND_DATABASE=$(realpath ../small)/index.db
        code=0
        $INDEX . > ../out 2> ../err || code=$?
        test $code = 5
        grep -q 'is full' ../err
        test $(grep -c . ../err) = 1
        mount -o remount,size=100m ../small
        $INDEX .
        """,
    )
    assert summary["failed"] == 0
    assert summary["new"] + summary["unchanged"] == 40
