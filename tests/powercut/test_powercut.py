"""A short run of `make powercut`, from a seed that is always the same, and the disk that it uses."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.powercut.calls import (
    Create,
    Rename,
    Resize,
    Sync,
    Unlink,
    Write,
    operations,
    traced,
    tracing_works,
)
from tests.powercut.disk import SECTOR, Disk

CUTS = 300
NEW, OLD = bytes([1]) * 4 * SECTOR, bytes([2]) * 4 * SECTOR

KEEP = """
import pathlib, sys
from photond.store.kept import set_kept_folders
for folders in (["/a"], ["/b", "/c"]):
    set_kept_folders(pathlib.Path(sys.argv[1]), folders)
"""

needs_strace = pytest.mark.skipif(
    not tracing_works(), reason="no strace, or processes may not be traced here"
)


def left(disk: Disk, under_way: Write | None = None) -> list[dict[str, bytes]]:
    """What many cuts leave."""
    return [disk.cut(random.Random(number), under_way) for number in range(CUTS)]


def disk_with_a_file() -> Disk:
    disk = Disk()
    for operation in (Create("a"), Write("a", 0, OLD), Sync("a"), Sync("")):
        disk.do(operation)
    return disk


@pytest.mark.slow
@needs_strace
def test_after_a_power_cut_nothing_is_lost_and_the_next_pass_finishes_the_index() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.powercut", "--seed", "4", "--cuts", "40"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 cuts while db vacuum was at work\n" in done.stdout
    assert done.stdout.endswith("nothing was lost\n")


@needs_strace
def test_the_list_of_folders_is_whole_after_every_cut(tmp_path: Path) -> None:
    folder, log = tmp_path / "index", tmp_path / "calls"
    folder.mkdir()
    command = [*traced(log), sys.executable, "-c", KEEP, str(folder / "index.db")]
    subprocess.run(command, check=True)
    disk, found = Disk(), set()
    for operation in operations(log, folder):
        found |= {files.get("index.db.folders") for files in left(disk)}
        disk.do(operation)
    found |= {files.get("index.db.folders") for files in left(disk)}
    assert found == {None, b'["/a"]', b'["/b", "/c"]'}


def test_what_was_synced_is_there_after_every_cut() -> None:
    assert all(files == {"a": OLD} for files in left(disk_with_a_file()))


def test_what_was_not_synced_is_there_or_not_or_torn_at_a_sector() -> None:
    disk = disk_with_a_file()
    disk.do(Write("a", 0, NEW))
    found = [files["a"] for files in left(disk)]
    assert NEW in found
    assert OLD in found
    torn = [content for content in found if content not in {NEW, OLD}]
    assert torn
    for content in torn:
        sectors = {content[start : start + SECTOR] for start in range(0, len(NEW), SECTOR)}
        assert sectors == {NEW[:SECTOR], OLD[:SECTOR]}


def test_a_later_write_can_be_there_without_an_earlier_one() -> None:
    disk = disk_with_a_file()
    for offset in (0, 2 * SECTOR):
        disk.do(Write("a", offset, NEW[:SECTOR]))
    assert any(
        files["a"][:SECTOR] != NEW[:SECTOR] and files["a"][2 * SECTOR :][:SECTOR] == NEW[:SECTOR]
        for files in left(disk)
    )


def test_the_write_that_is_under_way_can_be_torn() -> None:
    found = [files["a"] for files in left(disk_with_a_file(), Write("a", 0, NEW))]
    assert any(content not in {NEW, OLD} for content in found)


def test_names_change_in_their_order_and_the_last_changes_can_be_lost() -> None:
    disk = disk_with_a_file()
    for operation in (Create("b"), Rename("b", "c"), Unlink("a")):
        disk.do(operation)
    found = {tuple(files) for files in left(disk)}
    assert found == {("a",), ("a", "b"), ("a", "c"), ("c",)}


def test_a_file_that_takes_the_place_of_another_may_be_empty_where_nothing_was_synced() -> None:
    disk = disk_with_a_file()
    for operation in (Create("b"), Write("b", 0, NEW), Rename("b", "a")):
        disk.do(operation)
    found = [files["a"] for files in left(disk) if "b" not in files]
    assert {b"", OLD, NEW} <= set(found)


def test_a_file_is_cut_off_and_filled_up_with_zeros() -> None:
    disk = disk_with_a_file()
    for operation in (Resize("a", SECTOR), Resize("a", 2 * SECTOR)):
        disk.do(operation)
    assert disk.files == {"a": OLD[:SECTOR] + bytes(SECTOR)}


def test_a_disk_that_lies_loses_what_was_synced() -> None:
    disk = Disk(is_lying=True)
    for operation in (Create("a"), Write("a", 0, OLD), Sync("a"), Sync("")):
        disk.do(operation)
    assert {} in left(disk)
