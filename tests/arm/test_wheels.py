"""What the check of libraries for aarch64 accepts."""

import struct
import zipfile
from pathlib import Path

import pytest

from tools.arm import wheels

AARCH64 = 183
X86_64 = 62


def elf(alignment: int, machine: int = AARCH64) -> bytes:
    """A 64-bit ELF library with one LOAD segment."""
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return ident + header + struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 120, 120, alignment)


@pytest.mark.parametrize("alignment", [16384, 65536])
def test_a_library_aligned_for_16_kib_pages_passes(alignment: int) -> None:
    assert wheels.faults(elf(alignment)) == []


def test_a_library_aligned_for_4_kib_pages_fails() -> None:
    assert wheels.faults(elf(4096)) == ["has a segment aligned to 4096 bytes"]


def test_a_library_for_another_processor_fails() -> None:
    assert wheels.faults(elf(65536, X86_64)) == ["is 64-bit EM_X86_64"]


def test_a_truncated_library_fails() -> None:
    assert wheels.faults(elf(65536)[:30]) != []


def test_libraries_in_a_wheel_are_found_by_their_content(tmp_path: Path) -> None:
    wheel = tmp_path / "a.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a/odd.name", elf(4096))
        archive.writestr("a/text.so", "no library")
    assert [name for name, _ in wheels.libraries(wheel)] == ["a/odd.name"]
