"""What a process did to the files of a folder, from strace's record of its calls."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CALLS = (
    *("openat", "write", "pwrite64", "ftruncate", "truncate", "fsync", "fdatasync"),
    *("rename", "renameat", "renameat2", "unlink", "unlinkat"),
)
# Such as change files in ways that nothing here follows: whoever sees one must learn to.
_UNKNOWN_CALLS = (
    "pwritev",
    "pwritev2",
    "writev",
    "fallocate",
    "copy_file_range",
    "sendfile",
    "link",
)

_HEX = r"(?:\\x[0-9a-f]{2})*"
_CALL = re.compile(r"(?P<process>\d+) +(?P<name>\w+)\((?P<rest>.*)", re.DOTALL)
_RESUMED = re.compile(r"(?P<process>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)", re.DOTALL)
_UNFINISHED = " <unfinished ...>"
_FAILED = re.compile(r"\) += -1 ")
_OPEN_FILE = re.compile(rf"(?P<number>\d+)<(?P<path>{_HEX})>")
_TEXT = re.compile(rf'"({_HEX})"')


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes are written into a file, in place or behind its end."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """A file is cut off, or filled up with zeros."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Create:
    """A file comes to be, empty, if there is none of the name."""

    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """A file takes another name, in place of the one that has it."""

    name: str
    new: str


@dataclass(frozen=True, slots=True)
class Unlink:
    """A name goes."""

    name: str


@dataclass(frozen=True, slots=True)
class Sync:
    """All that was done to a file is on the disk from here on; of the folder, if `name` is empty."""

    name: str


Operation = Write | Resize | Create | Rename | Unlink | Sync


def tracing_works() -> bool:
    """Whether there is strace, and processes may be traced."""
    if shutil.which("strace") is None:
        return False
    return (
        subprocess.run(["strace", "-f", "true"], capture_output=True, check=False).returncode == 0
    )


def traced(log: Path) -> list[str]:
    """What stands before a command so that its calls are recorded in `log`."""
    calls = ",".join((*_CALLS, *_UNKNOWN_CALLS))
    return ["strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", str(1 << 26), "-e", f"trace={calls}",
            "-o", str(log)]  # fmt: skip


def operations(log: Path, folder: Path) -> list[Operation]:
    """What a traced process did to the files directly in a folder, in order.

    A file that SQLite maps into memory to share locks, `-shm`, is left out: it is made anew by whoever
    opens the index first. So are locks.

    Raises:
        AssertionError: It changed one in a way that nothing here follows.
    """
    positions: dict[tuple[str, str], int] = {}
    return [
        one
        for call, rest in _finished(log)
        for one in _operations(call, rest, folder, positions)
        if not one.name.endswith(("-shm", ".lock"))
    ]


def _finished(log: Path) -> Iterator[tuple[str, str]]:
    """The calls that succeeded, by name, with arguments and results, in the order of their ends."""
    begun: dict[str, tuple[str, str]] = {}
    with log.open(encoding="ascii") as lines:
        for line in lines:
            if resumed := _RESUMED.match(line):
                name, start = begun.pop(resumed["process"], ("", ""))
                rest = start + resumed["rest"]
            elif call := _CALL.match(line):
                name, rest = call["name"], call["rest"].rstrip("\n")
                if rest.endswith(_UNFINISHED):
                    begun[call["process"]] = name, rest.removesuffix(_UNFINISHED)
                    continue
            else:
                continue
            if name and not _FAILED.search(rest):
                yield name, rest


def _operations(
    call: str, rest: str, folder: Path, positions: dict[tuple[str, str], int]
) -> Iterator[Operation]:
    """What a call did to the folder's files: nothing, if it was about another."""
    if call == "openat":
        yield from _opened(rest, folder, positions)
        return
    if call.startswith(("rename", "unlink", "truncate", "link")):
        names = [name for name in (_name(text, folder) for text in _TEXT.findall(rest)) if name]
        if names and call.startswith("unlink"):
            yield Unlink(names[0])
        elif len(names) > 1 and call.startswith("rename"):
            yield Rename(*names)
        else:
            assert not names, f"{call} is not followed"
        return
    file = _OPEN_FILE.match(rest)
    if file is None:
        return
    if call in {"fsync", "fdatasync"} and _decoded(file["path"]) == str(folder):
        yield Sync("")
    if not (name := _name(file["path"], folder)):
        return
    assert call not in _UNKNOWN_CALLS, f"{call} is not followed"
    if call in {"fsync", "fdatasync"}:
        yield Sync(name)
    elif call == "ftruncate":
        yield Resize(name, int(re.findall(r", (\d+)\)", rest)[0]))
    else:
        yield _written(call, rest, name, positions, (file["number"], name))


def _opened(rest: str, folder: Path, positions: dict[tuple[str, str], int]) -> Iterator[Operation]:
    name = _name(_TEXT.findall(rest)[0], folder)
    if not name:
        return
    number = rest.rpartition(" = ")[2].partition("<")[0].strip()
    positions[number, name] = 0
    assert "O_APPEND" not in rest, "appending is not followed"
    if "O_CREAT" in rest:
        yield Create(name)
    if "O_TRUNC" in rest:
        yield Resize(name, 0)


def _written(
    call: str,
    rest: str,
    name: str,
    positions: dict[tuple[str, str], int],
    descriptor: tuple[str, str],
) -> Write:
    written = int(rest.rpartition(" = ")[2])
    data = bytes.fromhex(_TEXT.findall(rest)[0].replace("\\x", ""))[:written]
    if call == "pwrite64":
        return Write(name, int(re.findall(r", (\d+)\)", rest)[-1]), data)
    offset = positions[descriptor]
    positions[descriptor] = offset + written
    return Write(name, offset, data)


def _name(text: str, folder: Path) -> str:
    """The name of a file that lies in the folder; empty for others."""
    path = Path(_decoded(text))
    return path.name if path.parent == folder else ""


def _decoded(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode("utf-8", "surrogateescape")
