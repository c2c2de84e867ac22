"""Memory that one process writes and another reads."""

import mmap
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.imaging import shared
from photond.imaging.shared import SharedMemory


def pages_of(memory: SharedMemory) -> int:
    """How many bytes of it the system has set aside."""
    descriptor = memory.open_to_read()
    try:
        return os.fstat(descriptor).st_blocks * 512
    finally:
        os.close(descriptor)


@given(sizes=st.lists(st.integers(1, 70_000_000), min_size=1, max_size=6))
def test_what_is_written_is_read_and_large_photos_are_not_kept(sizes: list[int]) -> None:
    memory = SharedMemory()
    descriptor = memory.open_to_read()
    for number, size in enumerate(sizes):
        room = memory.room(size)
        assert len(room) == size
        room[0] = room[-1] = number
        assert os.pread(descriptor, 1, size - 1) == bytes((number,))
        assert memory.holds(room)
        assert pages_of(memory) < max(size, 1 << 25) + (1 << 20) + mmap.PAGESIZE
    os.close(descriptor)
    memory.close()


def test_a_view_outlives_what_comes_after_it() -> None:
    memory = SharedMemory()
    before = memory.room(40_000_000)
    memory.room(10)
    memory.room(80_000_000)
    assert before[-1] == 0
    memory.close()
    assert before[0] == 0


def test_it_cannot_be_written_to_by_whom_it_is_given_to_read() -> None:
    memory = SharedMemory()
    memory.room(1)[0] = 7
    descriptor = memory.open_to_read()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(descriptor, b"x")
    with pytest.raises(OSError, match="Invalid argument"):
        os.ftruncate(descriptor, 0)
    with pytest.raises(PermissionError):
        mmap.mmap(descriptor, 1)
    assert os.pread(descriptor, 1, 0) == b"\x07"
    os.close(descriptor)
    memory.close()


def test_without_proc_it_can_be_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_DESCRIPTORS", "/nowhere")
    memory = SharedMemory()
    memory.room(1)[0] = 7
    descriptor = memory.open_to_read()
    assert os.pread(descriptor, 1, 0) == b"\x07"
    os.close(descriptor)
    memory.close()


def test_only_its_own_bytes_are_held() -> None:
    memory = SharedMemory()
    assert not memory.holds(b"x")
    assert not memory.holds(memoryview(b"x"))
    assert memory.holds(memory.room(10)[:5])
    memory.close()
