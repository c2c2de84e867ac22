"""`photond show`: what is known of a photo, and why nothing is."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import SAMPLES, Command
from tests.imaging.pictures import make_dng

Sample = Callable[..., Path]


def test_all_that_is_known_of_a_photo_is_shown(
    photond: Command, photos: Path, sample: Sample
) -> None:
    mountain = sample("mountain", photos / "mountain.jpg")
    copy = sample("mountain", photos / "copy.jpg")
    photond("index", photos)
    photond("tag", mountain, "--add", "Alps")
    (known,) = photond("show", mountain, "--json").json
    with Image.open(mountain) as image:
        assert (known["width"], known["height"]) == image.size
    assert (known["path"], known["indexed"], known["state"]) == (str(mountain), True, "present")
    assert (known["bytes"], known["format"]) == (mountain.stat().st_size, "JPEG")
    assert known["taken_at"].startswith("2012-08-18")
    assert known["copies"] == [{"path": str(copy), "state": "present"}]
    assert known["packs"] == [{"pack": "mini", "state": "serving"}]
    assert known["job"] is None
    tags = {tag["tag"]: tag["source"] for tag in known["tags"]}
    assert tags["Alps"] == "user"
    assert {"model", "implied"} <= set(tags.values())
    text = photond("show", mountain).stdout
    for said in (str(mountain), "2012-08-18", known["sha256"], "Alps (yours)", str(copy), "mini"):
        assert said in text


def test_photos_are_shown_in_the_order_in_which_they_were_named(indexed_samples: Command) -> None:
    paths = [str(SAMPLES / f"{name}.jpg") for name in ("moon", "nothing", "cat")]
    run = indexed_samples("show", "--json", *paths, code=1)
    assert [one["path"] for one in run.json] == paths
    assert [one["indexed"] for one in run.json] == [True, False, True]
    assert run.json[1]["why"] == "there is no such file"


def test_a_photo_that_failed_or_changed_or_went_says_so(
    photond: Command, photos: Path, sample: Sample
) -> None:
    bad = photos / "bad.jpg"
    bad.write_bytes(b"no photo")
    gone = sample("cat", photos / "gone.jpg")
    photond("index", photos, code=1)
    gone.unlink()
    photond("index", photos, code=None)
    run = photond("show", bad, code=1)
    assert "failed    it is not a photo" in run.stdout
    assert "photond retry" in run.stdout
    (known,) = photond("show", bad, "--json", code=1).json
    assert known["job"]["state"] == "failed"
    assert "state     missing since 20" in photond("show", gone).stdout


def test_a_raw_and_the_photo_beside_it_name_each_other(
    photond: Command, photos: Path, sample: Sample
) -> None:
    jpeg = sample("cat", photos / "DSC1.JPG")
    raw = photos / "DSC1.DNG"
    raw.write_bytes(make_dng(Image.open(jpeg).convert("RGB")))
    photond("index", photos)
    of_raw, of_jpeg = photond("show", raw, jpeg, "--json").json
    assert (of_raw["read_as"], of_raw["companions"]) == ("DSC1.JPG", [])
    assert (of_jpeg["read_as"], of_jpeg["companions"]) == (None, ["DSC1.DNG"])
    assert of_raw["sha256"] == of_jpeg["sha256"]
    assert of_raw["copies"] == of_jpeg["copies"] == []
    assert "read as   DSC1.JPG, the photo beside it" in photond("show", raw).stdout
    assert "RAW       DSC1.DNG" in photond("show", jpeg).stdout


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("notes.txt", "does not have the name of a photo"),
        ("._cat.jpg", "has the name of a temporary file"),
        (".cat.jpg", "is hidden (index.hidden)"),
        (".secret/cat.jpg", ".secret is hidden (index.hidden)"),
        ("@eaDir/x/cat.jpg", "@eaDir is a folder that other programs make"),
        ("link/cat.jpg", "link is a symbolic link (index.follow_symlinks)"),
        ("raw/cat.jpg", "raw is left out by 'raw/' of index.exclude"),
        ("a/b/draft.jpg", "is left out by 'draft*' of a/.photondignore"),
        ("late.jpg", "it was not there at the last scan"),
        ("a/b", "it is a folder"),
        ("../stranger.jpg", "it lies in none of the folders that are indexed"),
    ],
)
def test_of_a_photo_that_is_not_indexed_the_reason_is_said(
    photond: Command, photos: Path, sample: Sample, name: str, why: str
) -> None:
    sample("cat", photos / "a" / "cat.jpg")
    (photos / "a" / ".photondignore").write_text("draft*\n")
    (photos / "a" / "b").mkdir()
    elsewhere = photos.parent / "elsewhere"
    elsewhere.mkdir()
    (photos / "link").symlink_to(elsewhere)
    exclude = {"PHOTOND_INDEX_EXCLUDE": '["raw/"]'}
    photond("index", photos, **exclude)
    path = Path(os.path.normpath(photos / name))
    if not path.exists():
        sample("cat", path)
    run = photond("show", path, code=1, **exclude)
    assert run.stdout == ""
    assert f"{path} is not in the index" in run.stderr
    assert why in run.stderr
