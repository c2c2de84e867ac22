"""Takes from a process what decoding a photo does not need."""

import ctypes
import os
import resource
import signal
import struct
import sys
from contextlib import suppress
from pathlib import Path

from photond.imaging.syscalls import forbid_calls

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
# The same on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_LANDLOCK_CREATE_RULESET_VERSION = 1
# The rights to files that the first version of landlock knows: execute, read, write, list, remove, make.
_ALL_FILE_RIGHTS = (1 << 13) - 1
_READ_FILE = 1 << 2
_READ_RIGHTS = _READ_FILE | 1 << 3  # and folders
_PATH_BENEATH = 1
_MAX_DESCRIPTORS = 32
# Where shared libraries lie, some of which are loaded when the first HEIF, AVIF or RAW comes.
_LIBRARIES = (
    *("/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"),
    *("/nix/store", "/gnu/store", f"{sys.base_prefix}/lib", f"{sys.prefix}/lib"),
)


def confine(max_memory: int) -> None:
    """Let this process decode, and do nothing else, for good; it must have one thread.

    It dies with the thread that started it, is the first to go when memory is short, and may neither
    change a file, nor start or signal a process, nor open a socket (`photond.imaging.syscalls`). Where
    the kernel has landlock (5.13 or newer) it may read only modules of Python and shared libraries:
    decoders load some of what they need when the first photo needs it.

    Args:
        max_memory: Of address space, in bytes.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    for limit, most in (
        (resource.RLIMIT_AS, max_memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MAX_DESCRIPTORS),
    ):
        hard = resource.getrlimit(limit)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (least, least))
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _forbid_files(libc)
    forbid_calls(libc)


def has_landlock() -> bool:
    """Whether the kernel, and what this process may ask of it, include landlock."""
    return _landlock_version(ctypes.CDLL(None)) > 0


def _landlock_version(libc: ctypes.CDLL) -> int:
    libc.syscall.restype = ctypes.c_long
    nothing = ctypes.c_size_t(0)
    return int(libc.syscall(_CREATE_RULESET, None, nothing, _LANDLOCK_CREATE_RULESET_VERSION))


def _forbid_files(libc: ctypes.CDLL) -> None:
    if _landlock_version(libc) < 1:
        return
    call = libc.syscall
    rights = ctypes.c_uint64(_ALL_FILE_RIGHTS)
    ruleset = call(_CREATE_RULESET, ctypes.byref(rights), ctypes.c_size_t(8), 0)
    if ruleset >= 0:
        for path in filter(os.path.exists, {*sys.path, *_LIBRARIES}):
            opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
            rights_there = _READ_RIGHTS if Path(path).is_dir() else _READ_FILE
            rule = struct.pack("=Qi", rights_there, opened)
            call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
            os.close(opened)
        call(_RESTRICT_SELF, ruleset, 0)
        os.close(ruleset)
