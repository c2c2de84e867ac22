"""Photos that are none, and whatever else can be wrong: one line, the right exit code, no loss."""

import os
import shutil
import sqlite3
import struct
import subprocess
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from photond.models.shelf import BUILT_IN
from photond.store.lock import only_indexer
from tests.conftest import SAMPLES, Command, Run


def png_of(width: int, height: int) -> bytes:
    """A PNG that states a size and has no pixels to show for it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


BAD_PHOTOS = {
    "empty.jpg": b"",
    "truncated.jpg": (SAMPLES / "cat.jpg").read_bytes()[:9000],
    "document.jpg": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
    "page.png": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "noise.webp": bytes(range(256)) * 20,
    "gigantic.png": png_of(100_000, 100_000),
    "zero.png": png_of(0, 0),
    "lying.heic": b"\0\0\0\x18ftypheic" + b"\0" * 200,
    "broken.tif": b"II*\0\x08\0\0\0\xff\xff" + b"\xff" * 400,
    "broken.dng": b"II*\0\x08\0\0\0\xff\xff" + b"\xff" * 400,
}


def test_bad_photos_are_reported_once_with_a_reason_and_stop_nothing(
    photond, photos, sample
) -> None:
    for name, data in BAD_PHOTOS.items():
        (photos / name).write_bytes(data)
    good = sample("cat", photos / "good.jpg")

    first = photond("index", photos, code=1)
    assert f"1 new, 0 changed, 0 unchanged, {len(BAD_PHOTOS)} failed" in first.stdout
    for name in BAD_PHOTOS:
        assert first.stderr.count(f'"{photos / name}"') == 1, name
    assert [hit["path"] for hit in photond("query", "cat", "--json").json] == [str(good)]

    second = photond("index", photos, code=1)
    assert second.stderr == ""
    assert f"0 new, 0 changed, 1 unchanged, {len(BAD_PHOTOS)} failed" in second.stdout
    failed = photond("status", "--json", code=1).json["failed"]
    assert {Path(one["path"]).name for one in failed} == set(BAD_PHOTOS)
    for one in failed:
        assert one["reason"]
        assert "BytesIO" not in one["reason"], one


def test_a_bad_photo_is_tried_again_when_it_changes(photond, photos, sample) -> None:
    (photos / "a.jpg").write_bytes(b"not yet")
    photond("index", photos, code=1)
    sample("cat", photos / "a.jpg")
    assert photond("index", photos, "--json").json["new"] == 1
    assert photond("status", "--json").json["failed"] == []


def test_a_good_photo_that_goes_bad_is_not_found_any_more(photond, photos, sample) -> None:
    sample("cat", photos / "a.jpg")
    sample("coffee", photos / "b.jpg")
    photond("index", photos)
    (photos / "a.jpg").write_bytes(b"ruined")
    photond("index", photos, code=1)
    assert [hit["path"] for hit in photond("query", "cat", "--json").json] == [
        str(photos / "b.jpg")
    ]


def test_a_file_over_the_limit_is_not_read(photond, photos, sample) -> None:
    photo = sample("cat", photos / "a.jpg")
    with photo.open("r+b") as file:
        file.truncate(3_000_000)
    run = photond("index", photos, code=1, PHOTOND_INDEX_MAX_MEGABYTES="2")
    assert "index.max_megabytes" in run.stderr


def bound_by_permissions(photond: Command, *arguments: str | Path) -> Run:
    """Run the command as one to whom permissions mean something, also where the tests run as root."""
    argv = photond.argv(*arguments)
    if os.getuid() == 0:
        lost = "-dac_override,-dac_read_search"
        argv = ["setpriv", f"--bounding-set={lost}", f"--inh-caps={lost}", *argv]
    done = subprocess.run(argv, capture_output=True, env=photond.environ, text=True, check=False)
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.mark.skipif(
    os.getuid() == 0 and shutil.which("setpriv") is None, reason="root may read everything here"
)
def test_what_may_not_be_read_fails_and_is_tried_again_each_time(photond, photos, sample) -> None:
    secret = sample("cat", photos / "secret.jpg")
    sample("coffee", photos / "open.jpg")
    sample("rocket", photos / "locked" / "in.jpg")
    secret.chmod(0)
    (photos / "locked").chmod(0)
    try:
        run = bound_by_permissions(photond, "index", photos)
        assert run.code == 1
        assert "permission denied" in run.stderr
        assert run.stdout.startswith("1 new, 0 changed, 0 unchanged, 1 failed")
        assert f"folder not read: {photos / 'locked'}" in run.stdout
        secret.chmod(0o644)
        (photos / "locked").chmod(0o755)
        # Its size and time are what they were.
        run = bound_by_permissions(photond, "index", photos)
        assert run.code == 0, run.stderr
        assert run.stdout.startswith("2 new")
    finally:
        (photos / "locked").chmod(0o755)


def error_of(photond: Command, *arguments: str | Path, code: int, **more: str) -> str:
    """The one line that a command fails with."""
    run = photond(*arguments, code=code, **more)
    assert run.stderr.count("\n") == 1, run.stderr
    assert run.stderr.startswith("photond: ")
    return run.stderr


def test_a_folder_that_does_not_exist(photond, photos, sample) -> None:
    missing = photos / "missing"
    assert f"there is no {missing}" in error_of(photond, "index", missing, code=2)
    sample("cat", photos / "a.jpg")
    run = photond("index", missing, photos, code=2)
    assert run.stdout.startswith("1 new")
    assert f"there is no {missing}" in run.stderr


def test_a_configured_folder_that_does_not_exist(photond, photos) -> None:
    photond.config_file.parent.mkdir(parents=True)
    photond.config_file.write_text(f'folders = ["{photos / "missing"}"]\n')
    assert "there is no" in error_of(photond, "index", code=3)
    assert "there is no folder" in error_of(photond, "config", "check", code=3)


def test_no_folder_at_all(photond) -> None:
    assert "no folder to index" in error_of(photond, "index", code=2)


def test_a_typo_in_the_configuration(photond) -> None:
    photond.config_file.parent.mkdir(parents=True)
    photond.config_file.write_text("[index]\nworker = 2\n")
    error = error_of(photond, "index", code=3)
    assert "index.workers" in error
    assert f"{photond.config_file}:2" in error


def test_a_configuration_that_is_not_there(photond) -> None:
    error_of(photond, "status", "--config", photond.home / "nothing.toml", code=3)


@pytest.mark.parametrize("command", [["query", "cat"], ["status"], ["tags"]])
def test_no_index_yet(photond, command) -> None:
    assert "photond index" in error_of(photond, *command, code=5)


def test_an_empty_index(photond, photos) -> None:
    photond("index", photos)
    assert "nothing is indexed" in error_of(photond, "query", "cat", code=5)


def test_a_damaged_index(photond, photos) -> None:
    photond("index", photos)
    photond.database.write_bytes(b"this is no database" * 1000)
    for command in (["query", "cat"], ["index", photos], ["status"]):
        assert "damaged" in error_of(photond, *command, code=5)


def test_an_index_that_is_damaged_inside(photond, photos, sample) -> None:
    sample("cat", photos / "a.jpg")
    photond("index", photos)
    with closing(sqlite3.connect(photond.database)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    data = bytearray(photond.database.read_bytes())
    for page in range(4, len(data) // 4096):
        data[page * 4096 : page * 4096 + 100] = b"\xaa" * 100
    photond.database.write_bytes(data)
    run = photond("index", photos, code=5)
    assert "damaged" in run.stderr


def test_an_index_of_a_newer_version(photond, photos) -> None:
    photond("index", photos)
    with closing(sqlite3.connect(photond.database)) as connection, connection:
        connection.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) values (?, ?, ?)",
            ("photond", "m9999_future", "2030-01-01"),
        )
    assert "newer photond" in error_of(photond, "query", "cat", code=5)


@pytest.mark.parametrize("others", ["bookmarks", "_sqlite_migrations"])
def test_the_database_of_another_program_is_left_alone(photond, photos, others) -> None:
    photond.database.parent.mkdir(parents=True)
    with closing(sqlite3.connect(photond.database)) as connection, connection:
        connection.execute(f"create table {others} (migration_set text, name text)")
        connection.execute("create table mine (x)")
    before = photond.database.read_bytes()
    assert "another program" in error_of(photond, "index", photos, code=5)
    assert photond.database.read_bytes() == before


def test_a_locked_index(photond, photos, sample) -> None:
    sample("cat", photos / "a.jpg")
    photond("index", photos)
    with closing(sqlite3.connect(photond.database, isolation_level=None)) as connection:
        connection.execute("begin immediate")
        # Reading goes on.
        assert len(photond("query", "cat", "--json").json) == 1
        assert "locked" in error_of(photond, "index", photos, code=5)


def test_two_passes_at_once(photond, photos) -> None:
    photond("index", photos)
    with only_indexer(photond.database):
        assert f"process {os.getpid()}" in error_of(photond, "index", photos, code=5)


def test_an_index_on_a_place_that_cannot_be_written(photond, photos) -> None:
    error_of(photond, "index", photos, code=5, PHOTOND_DATABASE="/proc/nothing/index.db")


@pytest.fixture
def pack(photond: Command) -> Path:
    """A copy of the pack `mini` in the user's folder, which stands before the built-in one."""
    folder = photond.home / "data" / "photond" / "models" / "mini"
    shutil.copytree(BUILT_IN / "mini", folder)
    return folder


def test_a_pack_that_does_not_exist(photond, photos) -> None:
    error = error_of(photond, "index", photos, code=4, PHOTOND_MODEL_PACK="minni")
    assert "Did you mean 'mini'?" in error
    assert not photond.database.exists()


@pytest.mark.parametrize("file", ["image.onnx", "text.onnx", "tokenizer.json"])
def test_a_damaged_pack(photond, photos, sample, pack, file) -> None:
    sample("cat", photos / "a.jpg")
    data = bytearray((pack / file).read_bytes())
    data[len(data) // 2] ^= 1
    (pack / file).write_bytes(data)
    assert file in error_of(photond, "models", "verify", code=4)
    assert "damaged" in error_of(photond, "index", photos, code=4)


def test_a_pack_with_a_missing_tower(photond, photos, pack) -> None:
    (pack / "image.onnx").unlink()
    assert "not whole" in error_of(photond, "index", photos, code=4)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'output = "pooler_output"',
            'output = "last_hidden_state"',
            "no output 'last_hidden_state'",
        ),
        ("embedding_dimension = 384", "embedding_dimension = 512", "embeddings of 384"),
        ("pad_id = 0", "pad_id = 999999", "text.pad_id is 999999"),
        ("pad_id = 0\n", "", "pad_id"),
        ("size = 260", 'size = "260"', "image.size"),
        ("format = 1", "format = 2", "format"),
        ("format = 1", "fromat = 1", "fromat"),
        ("format = 1", "format = ", "not valid TOML"),
        ('"a photo of {label}"', '"a photo"', "{label}"),
        ('file = "image.onnx"', 'file = "../image.onnx"', "image.file"),
    ],
)
def test_a_model_toml_that_is_wrong(photond, pack, old, new, expected) -> None:
    manifest = pack / "model.toml"
    assert old in manifest.read_text()
    manifest.write_text(manifest.read_text().replace(old, new))
    assert expected in error_of(photond, "models", "verify", code=4)


def test_usage_errors_exit_with_2(photond) -> None:
    assert "No such command" in photond("indxe", code=2).stderr
    assert "No such option" in photond("query", "--nonsense", code=2).stderr
    error_of(photond, "query", "", code=2)
    error_of(photond, "query", "  ", code=2)


def test_a_reader_that_stops_reading_is_not_complained_about(indexed_samples) -> None:
    process = subprocess.Popen(
        indexed_samples.argv("query", "cat"),
        env=indexed_samples.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == b""
    process.wait()
