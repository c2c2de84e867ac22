"""The numbers of the system calls that are forbidden, held against the kernel's own headers."""

import re
from pathlib import Path

import pytest

from photond.imaging import syscalls

_HEADERS = (
    Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    Path("/usr/include/asm-generic/unistd.h"),
)


def numbers(header: Path) -> dict[int, str]:
    return {
        int(number): name
        for name, number in re.findall(
            r"^#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text(), re.MULTILINE
        )
    }


@pytest.mark.skipif(not all(map(Path.exists, _HEADERS)), reason="no headers of the kernel here")
def test_both_machines_forbid_the_same_calls() -> None:
    x86_64, aarch64 = map(numbers, _HEADERS)
    checked = (syscalls._OPENAT, syscalls._CLONE, syscalls._TGKILL, syscalls._PRLIMIT)
    for here, there in (*syscalls._FORBIDDEN, *syscalls._UNKNOWN, *checked):
        name = x86_64.get(here)
        if there is None:
            assert name not in aarch64.values()
        else:
            assert name == aarch64.get(there)
    assert [x86_64[one[0]] for one in checked] == ["openat", "clone", "tgkill", "prlimit64"]
