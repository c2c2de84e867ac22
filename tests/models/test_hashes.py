"""When a file's hash is kept and when it is hashed again."""

import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photond.models import hashes
from photond.models.hashes import sha256_anew, sha256_once

PLANTED = "0" * 64


@pytest.fixture
def state(tmp_path: Path, monkeypatch) -> Path:
    """The list, in a folder of its own, in which files settle at once."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(hashes, "_SETTLED_NS", -(10**12))
    return tmp_path / "state" / "photond" / "hashed.json"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "text.onnx"
    file.write_bytes(b"one weight")
    return file


def true_hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def plant(state: Path) -> None:
    """Makes the list say something else, by which it shows whether a file was read."""
    listed = json.loads(state.read_text())
    for entry in listed["files"].values():
        entry["sha256"] = PLANTED
    state.write_text(json.dumps(listed))


def test_a_file_that_has_not_changed_is_read_once(state, file) -> None:
    assert sha256_once(file) == true_hash(file)
    plant(state)
    assert sha256_once(file) == PLANTED
    (file.parent / "link").symlink_to(file)
    assert sha256_once(file.parent / "link") == PLANTED


def test_who_asks_for_it_has_a_file_hashed_whatever_is_listed(state, file) -> None:
    sha256_once(file)
    plant(state)
    assert sha256_anew(file) == true_hash(file)
    assert sha256_once(file) == true_hash(file)


def in_place(file: Path) -> None:
    file.write_bytes(b"two weight")


def by_another(file: Path) -> None:
    other = file.with_suffix(".new")
    other.write_bytes(b"two weight")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.rename(file)


@pytest.mark.parametrize("replace", [in_place, by_another])
def test_a_file_of_the_same_size_and_time_in_its_place_is_hashed_again(
    state, file, replace
) -> None:
    sha256_once(file)
    plant(state)
    before = file.stat()
    time.sleep(0.05)  # longer than the kernel's clock stands still
    replace(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert sha256_once(file) == true_hash(file)


def test_a_file_that_changed_a_moment_ago_is_hashed_again_the_next_time(
    state, file, monkeypatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("XDG_STATE_HOME", str(state.parents[1]))
    assert sha256_once(file) == true_hash(file)
    assert not state.exists()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"null",
        b'{"files": {"/": {}}}',
        b'{"files": {}, "format": 2}',
        b" " * (1 << 19),
    ],
)
def test_a_damaged_list_is_as_good_as_none_and_is_replaced(state, file, damage) -> None:
    sha256_once(file)
    state.write_bytes(damage)
    assert sha256_once(file) == true_hash(file)
    plant(state)
    assert sha256_once(file) == PLANTED


@given(data=st.binary())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_list_makes_a_file_fail(state, file, data) -> None:
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_bytes(data)
    assert sha256_once(file) == true_hash(file)


def test_the_list_is_its_owners_alone_and_one_that_others_can_write_is_not_believed(
    state, file
) -> None:
    sha256_once(file)
    assert state.stat().st_mode & 0o777 == 0o600
    assert state.parent.stat().st_mode & 0o777 == 0o700
    plant(state)
    state.chmod(0o602)
    assert sha256_once(file) == true_hash(file)


def test_where_no_list_can_be_written_files_are_hashed_each_time(state, file) -> None:
    state.parents[1].write_text("in the way")
    assert sha256_once(file) == true_hash(file)
    assert sha256_once(file) == true_hash(file)


def test_the_list_does_not_grow_for_ever_and_keeps_the_latest(state, tmp_path) -> None:
    for number in range(70):
        file = tmp_path / os.fsdecode(b"\xff%d" % number)
        file.write_bytes(b"x")
        sha256_once(file)
    assert len(json.loads(state.read_text())["files"]) == 64
    plant(state)
    assert sha256_once(file) == PLANTED
    assert sha256_once(tmp_path / os.fsdecode(b"\xff0")) == true_hash(file)
    assert [one.name for one in state.parent.iterdir()] == ["hashed.json"]


def test_a_missing_file_is_missing_whatever_is_listed(state, file) -> None:
    sha256_once(file)
    file.unlink()
    assert state.exists()
    with pytest.raises(FileNotFoundError):
        sha256_once(file)
