"""What a pass that was asked for comes to."""

from collections import Counter
from pathlib import Path

import pytest

from photond.daemon.passes import Pass
from photond.daemon.status import PassStatus
from photond.models.pack import Pack
from photond.pipeline.scan import ScanCounts
from photond.pipeline.walk import Unreadable
from tests.daemon.test_keeper import PICTURES, World


def test_it_is_what_came_of_photos_since_and_what_its_scans_found() -> None:
    one = Pass(3, {"/a", "/b/c"}, Counter(new=5, failed=1))
    covered = one.covered_by("/b")
    assert covered == ["/b/c"]
    one.scanned(covered, ScanCounts(unchanged=4, unreadable=[Unreadable("/b/x", "no")]))
    results = Counter(new=7, moved=1, unchanged=2, failed=2)
    expected = PassStatus(3, new=2, moved=1, unchanged=6, unreadable_folders=("/b/x",))
    assert one.status(results) == expected
    assert one.covered_by("/elsewhere") == []
    one.scanned(one.covered_by("/a"), ScanCounts(unchanged=1))
    assert one.status(results).scanned
    assert one.status(results).unchanged == 7


@pytest.fixture
def world(tmp_path: Path, mini: Pack):
    made = World(tmp_path / "world", mini)
    made.settle()
    yield made
    made.close()


def test_only_scans_that_began_after_the_request_count(world: World) -> None:
    root = str(world.place / "one")
    (world.place / "one" / "x.png").write_bytes(PICTURES[0])
    world.settle()
    world.keeper.rescan([root])
    world.keeper._scanning = world.keeper._scan(world.keeper._agenda.take())
    next(world.keeper._scanning)
    one = Pass(1, {root}, Counter())
    world.keeper.make(one)
    world.settle()
    assert (one.asked, one.unchanged) == (set(), 1)


def test_a_folder_that_is_not_kept_is_not_waited_for(world: World) -> None:
    one = Pass(1, {str(world.place / "outside"), str(world.place / "two" / "c")}, Counter())
    world.keeper.make(one)
    assert one.asked == {str(world.place / "two" / "c")}
    world.settle()
    assert one.status(Counter()).scanned


def test_a_scan_that_is_begun_anew_still_ends_the_pass(world: World) -> None:
    one = Pass(1, {str(world.place / "one" / "a")}, Counter())
    world.keeper.make(one)
    world.keeper._scanning = world.keeper._scan(world.keeper._agenda.take())
    world.keeper.doubt()
    world.settle()
    assert one.asked == set()
