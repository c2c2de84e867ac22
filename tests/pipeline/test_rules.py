import pytest

from photond.pipeline.rules import Rules

TEMPORARY = [
    "a.jpg.part",
    "a.jpg.crdownload",
    "a.jpg.tmp",
    "a.jpg.partial",
    ".a.jpg.Xy12Ab",
    "._a.jpg",
    ".syncthing.a.jpg.tmp",
    "~syncthing~a.jpg",
    ".syncthing.a.jpg",
    ".goutputstream-AB12CD.jpg",
    ".#a.jpg",
    "~$a.jpg",
]


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("name", TEMPORARY)
def test_a_name_for_the_time_being_is_never_taken(name, hidden) -> None:
    assert not Rules(hidden=hidden).takes_file(name, name)


@pytest.mark.parametrize("name", ["@eaDir", ".Trash-1000", ".git", ".stversions", ".rsync-partial"])
def test_a_folder_that_programs_make_is_never_entered(name) -> None:
    assert not Rules(hidden=True).takes_folder(name, name)


@pytest.mark.parametrize("name", ["IMG_1.JPG", "a.sync-conflict-20240501-120000-ABC.jpg", "~.heic"])
def test_a_photo_is_taken(name) -> None:
    assert Rules().takes_file(name, name)
