"""The user's own pictures, whose names say what they show."""

import os
from pathlib import Path

import pytest

from photond.errors import UsageError
from photond.imaging.picture import Limits
from photond.models.pack import Pack
from photond.pipeline.pairs import KNOWN, Pairs, known_pairs, pairs_in, text_of


def read(folder: Path, pack: Pack) -> Pairs:
    return pairs_in(folder, pack.image, Limits())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("beach", "beach"),
        ("dog_2", "dog"),
        ("red-car 03", "red car"),
        ("cat12", "cat"),
        ("a  cup_of-coffee", "a cup of coffee"),
        ("2 dogs", "2 dogs"),
        ("plage d'été", "plage d'été"),
        ("0001", ""),
        (os.fsdecode(b"dog\xff"), "dog"),
    ],
)
def test_a_name_says_what_is_in_it(name: str, text: str) -> None:
    assert text_of(name) == text


def test_known_pictures_have_a_text_each(mini: Pack) -> None:
    pairs = known_pairs(mini.image)
    assert pairs.names == tuple(KNOWN)
    assert pairs.texts == tuple(KNOWN.values())
    assert pairs.own == (0, 1, 2)
    assert pairs.pixels.shape == (3, 3, 260, 260)


def test_pictures_are_named_by_themselves_or_by_their_folder(
    mini: Pack, sample, tmp_path: Path
) -> None:
    for name, at in (
        ("cat", "cat.jpg"),
        ("coffee", "coffee_1.jpg"),
        ("drink", "coffee_2.jpg"),
        ("rocket", "space-rocket/IMG_0001.JPG"),
        ("moon", ".hidden/moon.jpg"),
    ):
        sample(name, tmp_path / at)
    (tmp_path / "notes.txt").write_text("no picture")
    pairs = read(tmp_path, mini)
    assert pairs.names == ("cat.jpg", "coffee_1.jpg", "coffee_2.jpg", "space-rocket/IMG_0001.JPG")
    assert pairs.texts == ("cat", "coffee", "space rocket")
    assert pairs.own == (0, 1, 1, 2)


def test_what_cannot_be_held_against_texts_is_said(mini: Pack, sample, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read(tmp_path / "none", mini)
    with pytest.raises(UsageError, match="of 0 kinds"):
        read(tmp_path, mini)
    sample("cat", tmp_path / "cat 1.jpg")
    sample("cat", tmp_path / "cat 2.jpg")
    with pytest.raises(UsageError, match="of 1 kinds"):
        read(tmp_path, mini)
    broken = tmp_path / "dog.jpg"
    broken.write_bytes(b"%PDF-1.7")
    with pytest.raises(UsageError, match=r"dog\.jpg: .*PDF"):
        read(tmp_path, mini)
    broken.rename(tmp_path / "0001.jpg")
    with pytest.raises(UsageError, match=r"0001\.jpg does not say"):
        read(tmp_path, mini)
