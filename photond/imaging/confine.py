"""Takes from a process what decoding a photo does not need."""

import ctypes
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
# The same on every architecture.
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_LANDLOCK_CREATE_RULESET_VERSION = 1
# The rights to files that the first version of landlock knows: execute, read, write, list, remove, make.
_ALL_FILE_RIGHTS = (1 << 13) - 1
_MAX_DESCRIPTORS = 32


def confine(max_memory: int) -> None:
    """Let this process decode, and do nothing else, for good; what it needs is imported by now.

    It dies with the thread that started it, is the first to go when memory is short, and may not open,
    make or run any file where the kernel has landlock (5.13 or newer).

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


def _forbid_files(libc: ctypes.CDLL) -> None:
    call = libc.syscall
    call.restype = ctypes.c_long
    if call(_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_CREATE_RULESET_VERSION) < 1:
        return
    rights = ctypes.c_uint64(_ALL_FILE_RIGHTS)
    ruleset = call(_CREATE_RULESET, ctypes.byref(rights), ctypes.c_size_t(8), 0)
    if ruleset >= 0:
        call(_RESTRICT_SELF, ruleset, 0)
        os.close(ruleset)
