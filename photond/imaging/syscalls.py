"""Takes system calls from a process that only decodes: a filter of seccomp, in the kernel's bytecode.

What is forbidden is listed, not what is allowed: the libraries that decode, and libc under them, call
what they like from one version to the next. landlock (`photond.imaging.confine`) forbids files by where
they are; this forbids to change any, where there is no landlock too, and what is no file.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterator
from types import MappingProxyType

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
# Load a word of what the kernel says of a call; jump where it is, or has a bit of, a value; end.
_LOAD, _IS, _HAS, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_X32 = 1 << 30

# Of a machine: what the kernel calls it, and which column below is its.
_MACHINES = MappingProxyType({"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)})
# Numbers on x86-64 and, where there is one, on aarch64.
_FORBIDDEN: tuple[tuple[int, int | None], ...] = (
    (41, 198),  # socket: pipes to the parent are all there is
    (425, 425),  # io_uring_setup: does what else is forbidden
    *((59, 221), (322, 281), (57, None), (58, None)),  # execve, execveat, fork, vfork
    *((62, 129), (200, 130), (129, 138), (297, 240)),  # kill, tkill, rt_sigqueueinfo, rt_tgsig-
    *((434, 434), (424, 424), (438, 438)),  # pidfd_open, pidfd_send_signal, pidfd_getfd
    *((101, 117), (310, 270), (311, 271)),  # ptrace, process_vm_readv, process_vm_writev
    *((29, 194), (68, 186), (64, 190), (240, 180)),  # shmget, msgget, semget, mq_open
    *((321, 280), (298, 241), (323, 282)),  # bpf, perf_event_open, userfaultfd
    *((250, 219), (248, 217), (249, 218)),  # keyctl, add_key, request_key
    *((272, 97), (308, 268), (165, 40), (304, 265)),  # unshare, setns, mount, open_by_handle_at
    *((90, None), (91, 52), (268, 53), (452, 452)),  # chmod, fchmod, fchmodat, fchmodat2
    *((92, None), (93, 55), (94, None), (260, 54)),  # chown, fchown, lchown, fchownat
    *((188, 5), (189, 6), (190, 7), (463, 463)),  # setxattr, lsetxattr, fsetxattr, setxattrat
    *((197, 14), (198, 15), (199, 16), (466, 466)),  # removexattr, l-, f-, removexattrat
    *((132, None), (235, None), (261, None), (280, 88)),  # utime, utimes, futimesat, utimensat
    *((76, 45), (85, None), (469, 469)),  # truncate, creat, file_setattr
    *((87, None), (263, 35), (84, None)),  # unlink, unlinkat, rmdir
    *((82, None), (264, 38), (316, 276)),  # rename, renameat, renameat2
    *((83, None), (258, 34), (133, None), (259, 33)),  # mkdir, mkdirat, mknod, mknodat
    *((86, None), (265, 37), (88, None), (266, 36)),  # link, linkat, symlink, symlinkat
)
# clone3 and openat2 keep what they are asked in memory, where no filter sees it; libc asks clone then.
_UNKNOWN = ((435, 435), (437, 437))
_OPEN, _OPENAT, _CLONE, _TGKILL, _PRLIMIT = (2, None), (257, 56), (56, 220), (234, 131), (302, 261)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CLONE_THREAD = 0x10000


def forbid_calls(libc: ctypes.CDLL) -> None:
    """Forbid this process, for good, what no decoder does; it must have one thread.

    It can open no file for writing and change none, start no process and signal or look into none,
    and open no socket. What it has open, it keeps; threads it may start. It can have no new privileges.

    Nothing is forbidden where the kernel has no such filters, or on other machines than x86-64 and
    aarch64.
    """
    if platform.machine() not in _MACHINES or sys.maxsize < _X32:
        return
    program = b"".join(_program(*_MACHINES[platform.machine()], os.getpid()))
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0)


def _program(architecture: int, column: int, pid: int) -> Iterator[bytes]:
    refused, unknown = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS
    yield _step(_LOAD, _ARCHITECTURE)
    yield _step(_IS, architecture, yes=1)
    yield _step(_RETURN, refused)
    yield _step(_LOAD, _NUMBER)
    if column == 0:
        yield _step(_HAS, _X32, no=1)
        yield _step(_RETURN, refused)
    for calls, result in ((_FORBIDDEN, refused), (_UNKNOWN, unknown)):
        for call in calls:
            if (number := call[column]) is not None:
                yield _step(_IS, number, no=1)
                yield _step(_RETURN, result)
    # A number, which of its arguments is looked at, how, and whether it is refused if so.
    for call, argument, test, value, is_refused in (
        (_OPEN, 1, _HAS, _WRITING, True),
        (_OPENAT, 2, _HAS, _WRITING, True),
        (_CLONE, 0, _HAS, _CLONE_THREAD, False),
        (_TGKILL, 0, _IS, pid, False),
        (_PRLIMIT, 0, _IS, 0, False),
    ):
        if (number := call[column]) is not None:
            yield _step(_IS, number, no=4)
            yield _step(_LOAD, _ARGUMENTS + 8 * argument)
            yield _step(test, value, yes=0 if is_refused else 1, no=1 if is_refused else 0)
            yield _step(_RETURN, refused)
            yield _step(_RETURN, _ALLOW)
    yield _step(_RETURN, _ALLOW)


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
