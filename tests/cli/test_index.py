"""`photond index`, run as a user runs it."""

import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import SAMPLES, Command
from tests.imaging.pictures import encoded, make_dng


def count_embeddings(photond: Command) -> int:
    with closing(sqlite3.connect(photond.database)) as connection:
        return connection.execute("select count(*) from embeddings_1_rowids").fetchone()[0]


def make_photos(folder: Path, count: int, side: int = 1600) -> None:
    """So many different photos that take a moment each."""
    base = Image.open(SAMPLES / "cat.jpg").convert("RGB").resize((side, side))
    pixels = np.asarray(base)
    for number in range(count):
        Image.fromarray(np.roll(pixels, number * 7, axis=1)).save(folder / f"{number:04}.jpg")


def test_every_sample_is_indexed_and_the_summary_says_so(photond, photos, sample) -> None:
    for name in ("cat", "coffee", "rocket"):
        sample(name, photos / f"{name}.jpg")
    run = photond("index", photos)
    assert run.stdout.startswith("3 new, 0 changed, 0 unchanged, 0 failed")
    assert run.stderr == ""
    # That there is a better model is said once.
    assert "`photond models download`" in run.stdout
    assert "models download" not in photond("index", photos).stdout


def test_photos_of_every_format_are_found_by_what_they_show(photond, photos, sample) -> None:
    cat = Image.open(SAMPLES / "cat.jpg").convert("RGB")
    for suffix in ("jpg", "png", "webp", "tif", "gif", "bmp", "heic", "avif"):
        kind = {"jpg": "JPEG", "tif": "TIFF", "heic": "HEIF"}.get(suffix, suffix.upper())
        (photos / f"cat.{suffix}").write_bytes(encoded(cat, kind))
    (photos / "raw").mkdir()
    (photos / "raw" / "cat.dng").write_bytes(make_dng(cat))
    for other in ("coffee", "rocket", "pagoda"):
        sample(other, photos / f"{other}.jpg")
    assert photond("index", photos, "--json").json["new"] == 12
    hits = photond("query", "a cat", "--json").json
    assert {Path(hit["path"]).stem for hit in hits[:9]} == {"cat"}
    assert all(hit["width"] > 0 for hit in hits)


def test_a_raw_and_its_jpeg_are_one_photo_until_the_jpeg_goes(photond, photos, sample) -> None:
    jpeg = sample("cat", photos / "DSC1.JPG")
    raw = photos / "DSC1.DNG"
    raw.write_bytes(make_dng(Image.open(jpeg).convert("RGB")))
    assert photond("index", photos, "--json").json["new"] == 1
    assert [hit["path"] for hit in photond("query", "a cat", "--json").json] == [str(jpeg)]
    photond("tag", raw, "--add", "Minka")
    tags = {one["path"]: one["tags"] for one in photond("tags", raw, jpeg, "--json").json}
    assert tags[str(raw)] == tags[str(jpeg)]
    status = photond("status", "--json").json
    assert (status["photos"], status["companions"], status["waiting"]) == (1, 1, 0)
    assert "photos    1, 1 with a RAW beside them" in photond("status").stdout

    jpeg.unlink()
    photond("index", photos)
    assert [hit["path"] for hit in photond("query", "a cat", "--json").json] == [str(raw)]
    assert photond("query", "anything", "--tag", "Minka", "--paths").stdout == f"{raw}\n"
    assert "RAW" not in photond("status").stdout
    assert "is whole" in photond("doctor", code=None).stdout


def test_pairing_is_switched_off_and_on_by_the_configuration(photond, photos, sample) -> None:
    jpeg = sample("cat", photos / "DSC1.JPG")
    (photos / "DSC1.DNG").write_bytes(make_dng(Image.open(jpeg).convert("RGB")))
    photond("index", photos, PHOTOND_INDEX_PAIR_RAW="false")
    assert photond("status", "--json").json["photos"] == 2
    photond("index", photos)
    assert photond("status", "--json").json["photos"] == 1


def test_a_second_pass_opens_no_photo(photond, photos, sample) -> None:
    photo = sample("cat", photos / "a.jpg")
    photond("index", photos)
    before = photo.stat()
    # The bytes are ruined, and only the bytes: whoever opens the file would notice.
    with photo.open("r+b") as file:
        file.write(b"no photo")
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))

    summary = photond("index", photos, "--json").json
    assert (summary["unchanged"], summary["changed"], summary["failed"]) == (1, 0, 0)


def test_a_photo_that_was_only_touched_is_not_embedded_again(photond, photos, sample) -> None:
    photo = sample("cat", photos / "a.jpg")
    photond("index", photos)
    os.utime(photo, (1, 1))
    summary = photond("index", photos, "--json").json
    assert (summary["unchanged"], summary["new"], summary["changed"]) == (1, 0, 0)
    assert count_embeddings(photond) == 1


def test_photos_from_any_time_are_indexed_and_stay_as_they_are(photond, photos, sample) -> None:
    # Before 1970, then; tomorrow as a camera may have it; and later than 64 bits of nanoseconds reach.
    for number, seconds in enumerate((-1e9, 0, time.time() + 86_400, 4e9, 12e9)):
        photo = sample("cat", photos / f"{number}.jpg")
        photo.write_bytes(photo.read_bytes() + bytes([number]))
        os.utime(photo, (seconds, seconds))
    assert photond("index", photos, "--json").json["new"] == 5
    assert photond("index", photos, "--json").json["unchanged"] == 5
    everything = photond("query", "a cat", "--paths").stdout.splitlines()
    assert len(everything) == 5
    later = photond("query", "a cat", "--paths", "--since", "2090-01-01").stdout.splitlines()
    assert set(later) == {str(photos / "3.jpg"), str(photos / "4.jpg")}


def test_a_changed_photo_is_found_by_what_it_shows_now(photond, photos, sample) -> None:
    photo = sample("cat", photos / "a.jpg")
    sample("coffee", photos / "b.jpg")
    photond("index", photos)
    sample("rocket", photo)
    summary = photond("index", photos, "--json").json
    assert (summary["changed"], summary["unchanged"]) == (1, 1)
    hits = photond("query", "a rocket on its launch pad", "--json").json
    assert hits[0]["path"] == str(photo)
    # Of the cat nothing is left.
    assert count_embeddings(photond) == 2


def test_renamed_moved_and_copied_photos_are_recognised(photond, photos, sample) -> None:
    sample("cat", photos / "a.jpg")
    sample("coffee", photos / "deep" / "b.jpg")
    sample("rocket", photos / "c.jpg")
    photond("index", photos)
    (photos / "a.jpg").rename(photos / "renamed.jpg")
    (photos / "deep").rename(photos / "elsewhere")
    sample("rocket", photos / "copy.jpg")

    summary = photond("index", photos, "--json").json
    assert (summary["moved"], summary["new"], summary["missing"]) == (2, 1, 0)
    assert count_embeddings(photond) == 3
    found = {hit["path"] for hit in photond("query", "anything", "--all", "--json").json}
    expected = ("renamed.jpg", "elsewhere/b.jpg", "c.jpg", "copy.jpg")
    assert found == {str(photos / name) for name in expected}


def test_copies_that_come_together_are_embedded_once(photond, photos, sample) -> None:
    for number in range(8):
        sample("cat", photos / f"{number}.jpg")
    photond("index", photos, PHOTOND_INDEX_WORKERS="4")
    assert count_embeddings(photond) == 1
    assert len(photond("query", "cat", "--all", "--json").json) == 8


def test_a_deleted_photo_is_not_found_and_comes_back_without_being_read(
    photond, photos, sample, tmp_path
) -> None:
    photo = sample("cat", photos / "a.jpg")
    sample("coffee", photos / "b.jpg")
    photond("index", photos)
    aside = photo.rename(tmp_path / "aside.jpg")
    assert photond("index", photos, "--json").json["missing"] == 1
    assert len(photond("query", "cat", "--all", "--json").json) == 1
    aside.rename(photo)
    assert photond("index", photos, "--json").json["unchanged"] == 2
    assert len(photond("query", "cat", "--all", "--json").json) == 2


def test_a_photo_that_is_gone_for_good_is_forgotten(photond, photos, sample) -> None:
    sample("cat", photos / "a.jpg")
    sample("coffee", photos / "b.jpg")
    photond("index", photos)
    (photos / "a.jpg").unlink()
    summary = photond("index", photos, "--json", PHOTOND_INDEX_FORGET_AFTER_DAYS="0").json
    assert summary["forgotten"] == 1
    assert count_embeddings(photond) == 1


@pytest.mark.parametrize("fate", ["gone", "empty"])
def test_a_folder_that_is_gone_or_empty_is_offline_and_nothing_is_forgotten(
    photond, photos, sample, tmp_path, fate
) -> None:
    sample("cat", photos / "a.jpg")
    photond("index", photos)
    away = photos.rename(tmp_path / "away")
    if fate == "empty":
        photos.mkdir()
    run = photond("index", photos, "--json", PHOTOND_INDEX_FORGET_AFTER_DAYS="0")
    assert (run.json["offline"], run.json["missing"], run.json["forgotten"]) == (1, 0, 0)
    assert "offline" in run.stderr
    assert photond("query", "cat", "--json", code=1).json == []
    if fate == "empty":
        photos.rmdir()
    away.rename(photos)
    assert photond("index", photos, "--json").json["unchanged"] == 1
    assert len(photond("query", "cat", "--all", "--json").json) == 1


def test_names_of_every_kind_survive(photond, photos, sample) -> None:
    names = [
        b"plain.jpg",
        "Üñï çødé 東京 🏖.jpg".encode(),
        b"new\nline.jpg",
        b"tab\tand 'quotes\".jpg",
        b"\xff\xfe not utf-8.jpg",
        b" leading and trailing .JPG",
        b"-n.jpg",
        b"%41 [a-z]*?.jpeg",
    ]
    for name in names:
        sample("cat", Path(os.fsdecode(os.fsencode(photos) + b"/" + name)))
    photond("index", photos)
    expected = {os.fsencode(photos) + b"/" + name for name in names}

    run = photond("query", "cat", "--all", "-0")
    assert set(run.stdout.encode("utf-8", "surrogateescape").split(b"\0")[:-1]) == expected
    from_json = {
        os.fsencode(hit["path"]) for hit in photond("query", "cat", "--all", "--json").json
    }
    assert from_json == expected
    assert photond("index", photos, "--json").json["unchanged"] == len(names)


def test_what_is_not_a_photo_is_passed_by(photond, photos, sample) -> None:
    sample("cat", photos / "cat.jpg")
    for name in (
        ".hidden.jpg",
        "._cat.jpg",
        "@eaDir/x.jpg",
        ".Trash-0/x.jpg",
        "x.jpg.part",
        "x.txt",
    ):
        sample("coffee", photos / name)
    os.mkfifo(photos / "pipe.jpg")
    (photos / "folder.jpg").mkdir()
    summary = photond("index", photos, "--json").json
    assert (summary["new"], summary["failed"]) == (1, 0)


def test_the_users_patterns_are_excluded(photond, photos, sample) -> None:
    for name in ("keep.jpg", "Screenshots/a.jpg", "deep/b_edit.jpg"):
        sample("cat", photos / name)
    summary = photond(
        "index", photos, "--json", PHOTOND_INDEX_EXCLUDE='["Screenshots/", "*_edit.jpg"]'
    ).json
    assert summary["new"] == 1


def test_symbolic_links_and_their_loops_end(photond, photos, sample, tmp_path) -> None:
    sample("cat", photos / "a.jpg")
    sample("coffee", tmp_path / "other" / "b.jpg")
    (photos / "loop").symlink_to(photos)
    (photos / "other").symlink_to(tmp_path / "other")
    (photos / "nowhere.jpg").symlink_to(tmp_path / "nothing")
    (photos / "link.jpg").symlink_to(photos / "a.jpg")
    assert photond("index", photos, "--json").json["new"] == 2
    followed = photond("index", photos, "--json", PHOTOND_INDEX_FOLLOW_SYMLINKS="true").json
    assert (followed["new"], followed["failed"]) == (1, 0)


def test_one_photo_can_be_named(photond, photos, sample) -> None:
    sample("cat", photos / "a.jpg")
    named = sample("coffee", photos / "b.jpg")
    assert photond("index", named, "--json").json["new"] == 1
    assert [hit["path"] for hit in photond("query", "x", "--json").json] == [str(named)]


def test_the_configured_folders_are_indexed_without_arguments(photond, photos, sample) -> None:
    sample("cat", photos / "a.jpg")
    photond.config_file.parent.mkdir(parents=True)
    photond.config_file.write_text(f'folders = ["{photos}"]\n')
    assert photond("index", "--json").json["new"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_soon_and_keeps_what_is_finished(photond, photos, number) -> None:
    make_photos(photos, 120)
    process = subprocess.Popen(
        photond.argv("index", photos),
        env=photond.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(photond, "select count(*) from contents")
    process.send_signal(number)
    asked = time.monotonic()
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    # A second is what users are promised; a busy test machine gets some more.
    assert time.monotonic() - asked < 5
    assert "interrupted" in stderr
    done = count_embeddings(photond)
    assert 0 < done < 120
    summary = photond("index", photos, "--json").json
    assert summary["new"] == 120 - done
    assert count_embeddings(photond) == 120


def test_a_killed_pass_loses_nothing(photond, photos) -> None:
    make_photos(photos, 80)
    process = subprocess.Popen(photond.argv("index", photos), env=photond.environ)
    wait_for(photond, "select count(*) from contents")
    process.kill()
    process.wait()
    photond("index", photos)
    assert count_embeddings(photond) == 80
    assert photond("status", "--json").json["waiting"] == 0
    assert "is whole" in photond("doctor").stdout


def test_a_photo_that_ends_the_process_twice_is_quarantined(photond, photos, sample) -> None:
    sample("cat", photos / "good.jpg")
    # Takes long enough to be killed in the middle of.
    Image.new("L", (30_000, 8_000)).save(photos / "deadly.png", compress_level=1)
    for attempt in (1, 2):
        process = subprocess.Popen(photond.argv("index", photos), env=photond.environ)
        wait_for(
            photond,
            "select count(*) from jobs join files on files.id = file_id "
            f"where name = 'deadly.png' and jobs.state = 'running' and attempts = {attempt}",
        )
        process.kill()
        process.wait()
    run = photond("index", photos, "--json", code=1)
    assert run.json["failed"] == 1
    (failed,) = photond("status", "--json", code=1).json["failed"]
    assert failed["path"] == str(photos / "deadly.png")
    assert failed["quarantined"]
    assert [hit["path"] for hit in photond("query", "cat", "--all", "--json").json] == [
        str(photos / "good.jpg")
    ]
    # Asked to, it tries once more, and this time nobody kills it.
    assert photond("index", photos, "--retry", "--json").json["new"] == 1


def wait_for(photond: Command, query: str, seconds: float = 30) -> None:
    """Wait until a query of the index returns something other than 0."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if photond.database.exists():
            with closing(sqlite3.connect(photond.database)) as connection:
                try:
                    if connection.execute(query).fetchone()[0]:
                        return
                except sqlite3.OperationalError:
                    pass  # not there yet, or just being written
        time.sleep(0.005)
    raise AssertionError(f"nothing after {seconds} s: {query}")
