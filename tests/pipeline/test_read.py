"""Reading a file once, and noticing whatever happens to it meanwhile."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from photond.errors import PictureError
from photond.pipeline.read import UnreadableError, read_photo


def test_the_hash_is_what_sha256sum_prints(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"bytes")
    photo = read_photo(str(file), 100)
    assert photo.data == b"bytes"
    assert photo.sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert photo.status.st_size == 5


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_photo(str(tmp_path / "a.jpg"), 100)


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    with file.open("wb") as stream:
        stream.truncate(10**12)
    with pytest.raises(PictureError, match=r"index\.max_megabytes"):
        read_photo(str(file), 10**6)


def test_what_is_no_regular_file_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", Path("/dev/null")):
        with pytest.raises(PictureError, match="not a regular file"):
            read_photo(str(path), 100)
    with pytest.raises(PictureError):
        read_photo(str(tmp_path), 100)


def test_a_file_that_is_being_written_to_is_tried_again_later(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(bytes(30_000_000))
    stop = threading.Event()

    def grow() -> None:
        with file.open("ab") as stream:
            while not stop.is_set():
                stream.write(b"x" * 1000)
                stream.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        with pytest.raises(UnreadableError, match="being written"):
            read_photo(str(file), 10**9)
    finally:
        stop.set()
        writer.join()
