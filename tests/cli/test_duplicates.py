"""`photond duplicates`, on real photos with the real model."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import SAMPLES, Command, Run

Sample = Callable[..., Path]


def saved(name: str, to: Path, scale: float = 1.0, **options: Any) -> Path:
    """A sample photo, saved anew."""
    with Image.open(SAMPLES / f"{name}.jpg") as image:
        size = round(image.width * scale), round(image.height * scale)
        image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(to, **options)
    return to


def with_time(photo: Path, taken_at: str) -> Path:
    exif = Image.Exif()
    exif[0x0132] = taken_at
    with Image.open(photo) as image:
        image.save(photo, exif=exif, quality=90)
    return photo


def groups(run: Run) -> list[tuple[str, list[str]]]:
    """The kind of each group with the names in it, the best first."""
    return [
        (group["kind"], [Path(copy["path"]).name for copy in group["copies"]])
        for group in run.json["groups"]
    ]


def query(photond: Command, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(photond.database)) as connection, connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def library(photond: Command, photos: Path, sample: Sample) -> Path:
    """Photos of which two are there more than once."""
    sample("raccoon", photos / "other.jpg")
    for name in ("b.jpg", "a.jpg", "c.jpg"):
        sample("cat", photos / name)
    os.utime(photos / "b.jpg", (1, 1))  # the oldest
    sample("coffee", photos / "coffee.jpg")
    saved("coffee", photos / "sent.webp", 0.5, quality=70)
    saved("coffee", photos / "again.jpg", quality=95)
    photond("index", photos)
    return photos


def test_identical_photos_come_first_then_those_that_look_alike(
    photond: Command, library: Path
) -> None:
    run = photond("duplicates", "--json")
    assert run.stderr == ""
    assert groups(run) == [
        ("identical", ["b.jpg", "a.jpg", "c.jpg"]),
        ("alike", ["again.jpg", "coffee.jpg", "sent.webp"]),
    ]
    identical, alike = run.json["groups"]
    assert identical["gain"] == 2 * (library / "a.jpg").stat().st_size
    sizes = [(library / name).stat().st_size for name in ("coffee.jpg", "sent.webp")]
    assert alike["gain"] == sum(sizes)
    assert run.json["gain"] == identical["gain"] + alike["gain"]
    assert [copy["role"] for copy in alike["copies"]] == ["best", "copy", "copy"]
    best, copy, small = alike["copies"]
    assert best["similarity"] == 1.0
    assert copy["hash_distance"] <= 2
    assert small["similarity"] >= run.json["threshold"]
    assert (small["width"], small["height"], small["format"]) == (300, 200, "WEBP")
    assert all(Path(path).exists() for path in library.iterdir())


def test_a_pipe_gets_lines_and_the_paths_that_could_go(photond: Command, library: Path) -> None:
    run = photond("duplicates")
    lines = [line.split("\t") for line in run.stdout.splitlines()]
    assert [line[:3] for line in lines[:2]] == [
        ["1", "identical", "best"],
        ["1", "identical", "copy"],
    ]
    assert "2 groups" in run.stderr
    assert "MB to gain" in run.stderr
    paths = [str(library / name) for name in ("a.jpg", "c.jpg", "coffee.jpg", "sent.webp")]
    assert photond("duplicates", "--paths").stdout.splitlines() == paths
    assert photond("duplicates", "-0").stdout == "".join(f"{path}\0" for path in paths)
    assert photond("duplicates", "-0", "--identical").stdout.split("\0")[:-1] == paths[:2]


@pytest.mark.usefixtures("library")
def test_a_threshold_says_how_similar_photos_must_be(photond: Command) -> None:
    run = photond("duplicates", "--json", "--threshold", "0.9999")
    assert all("sent.webp" not in names for _, names in groups(run))
    assert photond("duplicates", "--threshold", "1.5", code=2).stdout == ""


def test_a_path_shows_the_groups_that_reach_into_it(
    photond: Command, photos: Path, sample: Sample
) -> None:
    for folder in ("old", "import"):
        sample("cat", photos / folder / f"{folder}.jpg")
    for name in ("x.jpg", "y.jpg"):
        sample("moon", photos / "old" / name)
    photond("index", photos)
    os.utime(photos / "old" / "old.jpg", (1, 1))
    photond("index", photos)
    run = photond("duplicates", photos / "import", "--json")
    assert groups(run) == [("identical", ["old.jpg", "import.jpg"])]
    assert len(photond("duplicates", photos, "--json").json["groups"]) == 2
    assert groups(photond("duplicates", photos / "old" / "x.jpg", "--json")) == [
        ("identical", ["x.jpg", "y.jpg"])
    ]
    run = photond("duplicates", photos / "imp")
    assert run.stdout == ""
    assert "no photo is there more than once" in run.stderr


def test_links_to_one_file_are_no_space_to_gain(
    photond: Command, photos: Path, sample: Sample
) -> None:
    real = sample("cat", photos / "z.jpg")
    os.link(real, photos / "hard.jpg")
    (photos / "a.jpg").symlink_to(real)
    photond("index", photos)
    run = photond("duplicates", "--json")
    (group,) = run.json["groups"]
    assert group["gain"] == 0
    assert [copy["role"] for copy in group["copies"]] == ["best", "same file", "same file"]
    # Without the file that it leads to, the symbolic link would be nothing.
    assert Path(group["copies"][-1]["path"]).name == "a.jpg"
    run = photond("duplicates", "--paths")
    assert run.stdout == ""
    assert "2 are one more name of the same file" in run.stderr


def test_what_is_gone_or_changed_since_the_last_look_is_in_no_group(
    photond: Command, library: Path
) -> None:
    (library / "b.jpg").unlink()
    (library / "again.jpg").write_bytes(b"something else")
    assert groups(photond("duplicates", "--json")) == [
        ("identical", ["a.jpg", "c.jpg"]),
        ("alike", ["coffee.jpg", "sent.webp"]),
    ]


@pytest.mark.usefixtures("library")
def test_a_photo_that_changed_in_place_and_is_not_read_again_yet_is_no_copy(
    photond: Command,
) -> None:
    """A scan has noted its new size and time, and its content is still the old one."""
    query(
        photond,
        "insert into jobs (file_id, state, modified_ns, queued_at) "
        "select id, 'queued', 0, '' from files where name = 'c.jpg'",
    )
    run = photond("duplicates", "--json", "--identical")
    assert groups(run) == [("identical", ["b.jpg", "a.jpg"])]
    assert run.json["not_compared"]["waiting"] == 1


def test_photos_of_different_moments_are_different_however_alike(
    photond: Command, photos: Path
) -> None:
    for name, quality, moment in (
        ("first.jpg", 95, "2024:06:01 12:00:00"),
        ("copy.jpg", 60, "2024:06:01 12:00:00"),
        ("second.jpg", 90, "2024:06:01 12:00:01"),
    ):
        with_time(saved("mountain", photos / name, quality=quality), moment)
    saved("coffee", photos / "unknown.jpg")
    photond("index", photos)
    ((kind, names),) = groups(photond("duplicates", "--json"))
    assert kind == "alike"
    assert sorted(names) == ["copy.jpg", "first.jpg"]


def test_even_pictures_are_only_compared_by_their_bytes(photond: Command, photos: Path) -> None:
    for number, colour in enumerate(("black", "black", "white")):
        Image.new("RGB", (300, 200 + number), colour).save(photos / f"{number}.png")
    shutil.copy(photos / "0.png", photos / "3.png")
    photond("index", photos)
    run = photond("duplicates", "--json")
    assert [kind for kind, _ in groups(run)] == ["identical"]
    assert run.json["not_compared"]["even"] == 3


@pytest.mark.usefixtures("library")
def test_photos_indexed_before_hashes_were_kept_are_read_when_they_are_asked_for(
    photond: Command,
) -> None:
    before = query(photond, "select sha256, perceptual_hash from contents order by id")
    query(photond, "update contents set perceptual_hash = null")
    assert len(groups(photond("duplicates", "--json", "--identical"))) == 1
    assert query(photond, "select count(perceptual_hash) from contents") == [(0,)]
    assert len(groups(photond("duplicates", "--json"))) == 2
    after = query(photond, "select sha256, perceptual_hash from contents order by id")
    for (sha256, one), (same, other) in zip(before, after, strict=True):
        assert sha256 == same
        assert (int.from_bytes(one) ^ int.from_bytes(other)).bit_count() <= 2


def test_what_could_not_be_read_for_it_is_said(photond: Command, library: Path) -> None:
    query(photond, "update contents set perceptual_hash = null")
    (library / "sent.webp").unlink()
    query(photond, "update files set state = 'offline' where name = 'other.jpg'")
    run = photond("duplicates", code=1)
    assert "1 could not be compared by their looks: they are offline" in run.stderr
    assert "1 could not be compared by their looks: they are gone" in run.stderr
    assert "again.jpg" in run.stdout


def test_without_an_index_or_anything_in_it_that_is_said(photond: Command, photos: Path) -> None:
    assert "there is no index" in photond("duplicates", code=5).stderr
    photond("index", photos, code=None)
    run = photond("duplicates")
    assert (run.stdout, run.stderr) == ("", "photond: no photo is there more than once\n")
