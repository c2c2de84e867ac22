import pytest
from watchdog.observers.inotify_c import InotifyConstants as In

from photond.daemon.hints import WATCHED, FileHint, TreeHint, hint_of


@pytest.mark.parametrize(
    ("mask", "name", "meaning"),
    [
        (In.IN_CREATE, "a.jpg", FileHint("/p", "a.jpg")),
        (In.IN_MODIFY, "a.jpg", FileHint("/p", "a.jpg")),
        (In.IN_CLOSE_WRITE, "a.jpg", FileHint("/p", "a.jpg")),
        (In.IN_MOVED_FROM, "a.jpg", FileHint("/p", "a.jpg")),
        (In.IN_MOVED_TO, "a.jpg", FileHint("/p", "a.jpg")),
        (In.IN_DELETE, "a.jpg", FileHint("/p", "a.jpg")),
        (In.IN_MODIFY, "a.mov", None),
        (In.IN_CLOSE_WRITE, "a.jpg.part", None),
        (In.IN_CREATE | In.IN_ISDIR, "new", TreeHint("/p/new")),
        (In.IN_MOVED_FROM | In.IN_ISDIR, "old", TreeHint("/p/old")),
        (In.IN_DELETE | In.IN_ISDIR, "old", TreeHint("/p/old")),
        (In.IN_ATTRIB | In.IN_ISDIR, "locked", TreeHint("/p/locked")),
        (In.IN_CLOSE_WRITE, ".photondignore", TreeHint("/p")),
        (In.IN_DELETE, ".photondignore", TreeHint("/p")),
        (In.IN_DELETE_SELF, "", TreeHint("/p")),
        (In.IN_MOVE_SELF, "", TreeHint("/p")),
        (In.IN_UNMOUNT, "", TreeHint("/p")),
        (In.IN_ATTRIB, "", None),
        (In.IN_IGNORED, "", None),
    ],
)
def test_an_event_says_where_to_look(mask, name, meaning) -> None:
    assert hint_of("/p", mask, name) == meaning


def test_photonds_own_reading_makes_no_events() -> None:
    assert not WATCHED & (In.IN_OPEN | In.IN_ACCESS | In.IN_CLOSE_NOWRITE)
