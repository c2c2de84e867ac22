"""Which names make a pair."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.pipeline.companions import may_have_relatives, photos_of, with_relatives

stems = st.sampled_from(["a", "A", "b", "ä", "a.arw", "a.b", ".a"])
suffixes = st.sampled_from([".ARW", ".arw", ".dng", ".jpg", ".JPG", ".heic", ".png", ".mov", ""])
names = st.builds(str.__add__, stems, suffixes)
folders = st.sets(names, max_size=12)


@pytest.mark.parametrize(
    ("raw", "photo"),
    [
        ("DSC1.ARW", "DSC1.JPG"),
        ("DSC1.ARW", "dsc1.jpeg"),
        ("IMG_1.CR2", "IMG_1.HEIC"),
        ("IMG_1.CR3", "IMG_1.HIF"),
        ("DSC1.ARW", "DSC1.ARW.jpg"),
        ("ÄRGER.NEF", "ärger.jpg"),
        ("odd\udcff.dng", "odd\udcff.jpg"),
        ("2024.05.01.dng", "2024.05.01.jpg"),
    ],
)
def test_a_raw_and_a_jpeg_or_heic_of_one_name_are_a_pair(raw, photo) -> None:
    assert photos_of([raw, photo]) == {raw: photo}


@pytest.mark.parametrize(
    "others",
    [
        ["DSC10.JPG"],
        ["DSC1.png", "DSC1.tif", "DSC1.xmp", "DSC1.MOV"],
        ["DSC1.NEF.jpg"],
        ["DSC1 (1).jpg"],
        ["DSC1_edited.jpg"],
        ["DSC1.dng"],
    ],
)
def test_other_names_and_formats_beside_a_raw_are_not(others) -> None:
    assert photos_of(["DSC1.ARW", *others]) == {}


def test_two_photos_of_one_name_are_two_photos() -> None:
    assert photos_of(["IMG_1.HEIC", "IMG_1.JPG"]) == {}


def test_of_several_photos_the_cameras_own_jpeg_is_read() -> None:
    raw = "IMG_1.CR2"
    beside = ["img_1.jpg", "IMG_1.JPG", "IMG_1.HEIC", "IMG_1.CR2.jpg"]
    while beside:
        assert photos_of([raw, *reversed(beside)]) == {raw: min(beside, key=_wanted)}
        beside.remove(min(beside, key=_wanted))


def _wanted(name: str) -> int:
    return ["IMG_1.JPG", "IMG_1.HEIC", "img_1.jpg", "IMG_1.CR2.jpg"].index(name)


def test_one_photo_stands_for_every_raw_of_its_name() -> None:
    found = photos_of(["a.CR2", "a.dng", "a.jpg"])
    assert found == {"a.CR2": "a.jpg", "a.dng": "a.jpg"}


@given(folders)
def test_a_photo_that_is_read_is_nobodys_companion(folder) -> None:
    found = photos_of(folder)
    assert set(found) <= folder
    assert set(found.values()) <= folder - set(found)


@given(folders, st.sets(names, max_size=3))
def test_a_look_at_some_names_with_their_relatives_pairs_them_as_a_look_at_all(
    folder, asked
) -> None:
    looked_at = with_relatives(asked, folder)
    assert asked <= looked_at
    assert looked_at - folder <= asked
    whole = photos_of(folder)
    assert photos_of(looked_at & folder) == {
        raw: photo for raw, photo in whole.items() if raw in looked_at
    }
    # And whatever was paired with one of them before it came or went is looked at.
    for raw in set(photos_of(folder | asked)) | set(photos_of(folder - asked)):
        if photos_of(folder | asked).get(raw) != photos_of(folder - asked).get(raw):
            assert raw in looked_at


@given(names)
def test_a_name_without_relatives_never_changes_a_pair(name) -> None:
    if not may_have_relatives(name):
        assert photos_of([name, "a.arw", "a.jpg"]) == {"a.arw": "a.jpg"}
