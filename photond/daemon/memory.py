"""Giving memory back: an idle daemon should not be what keeps a laptop's memory full."""

import ctypes
from pathlib import Path

from photond.models.memory import release_memory

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # mallopt(3)
_MADV_DONTNEED = 4  # madvise(2)
# An arena for each thread would keep what that thread once had.
_ARENAS = 1
# Larger pieces go back by themselves when they are freed.
_LARGE_BYTES = 512 * 1024


def be_frugal() -> None:
    """Keep the C library from scattering what it allocates; to be called before threads are started."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc has it
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def give_back() -> None:
    """Give back what was freed, and the code of libraries that is not run any more.

    Their code is some 30 MB that stays resident although nobody runs it. It lies in files, so the
    kernel brings back what is needed after all, mostly without reading the disk.
    """
    release_memory()
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for line in Path("/proc/self/maps").read_text("utf-8", "surrogateescape").splitlines():
        # proc_pid_maps(5). Code is never written to, so dropping it loses nothing; data is.
        fields = line.split(maxsplit=5)
        if fields[1] == "r-xp" and fields[-1].startswith("/"):
            start, end = (int(address, 16) for address in fields[0].split("-"))
            madvise(start, end - start, _MADV_DONTNEED)
