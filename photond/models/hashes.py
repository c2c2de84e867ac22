"""Hashes of files, kept until the file changes, so that no start waits for hundreds of megabytes.

As the hash itself, this guards against mix-ups and damage and not against people: who can write to the
list can write to the packs. What a disk changes by itself is only found by hashing again.
"""

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path

import msgspec

from photond.config import locations
from photond.config.ownership import distrust
from photond.errors import ConfigError
from photond.models.regular import open_regular
from photond.replacement import replacement

_FORMAT = 1
_MOST = 64  # files; the ones hashed last are kept
_LARGEST = 1 << 18  # bytes of the list; it has some 200 for a file

# A change this soon after the last one may leave a file's times as they are, where a file system's clock
# is coarse.
_SETTLED_NS = 2_000_000_000

Identity = tuple[int, int, int, int, int]  # device, inode, size, mtime_ns and ctime_ns


class _Hashed(msgspec.Struct, frozen=True):
    """A file as it was when it was hashed."""

    identity: Identity
    sha256: str


class _List(msgspec.Struct, frozen=True):
    """The list of such files, by path."""

    files: dict[str, _Hashed]
    format: int = _FORMAT


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, hexadecimal.

    Raises:
        OSError: It is missing, cannot be read, or is no regular file.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_anew(path: Path) -> str:
    """As `sha256_of`; the hash is kept for `sha256_once`."""
    before = _identity(path)
    sha256 = sha256_of(path)
    if before == _identity(path) and time.time_ns() - before[-1] > _SETTLED_NS:
        _keep(path, _Hashed(before, sha256))
    return sha256


def sha256_once(path: Path) -> str:
    """As `sha256_anew`; a file that was hashed before and has not changed since is not read."""
    kept = _read().get(_name(path))
    if kept is not None and kept.identity == _identity(path):
        return kept.sha256
    return sha256_anew(path)


def keep_sha256(path: Path, sha256: str) -> None:
    """Keep the hash of a file that this process has just written, where nobody else writes."""
    with contextlib.suppress(OSError):
        _keep(path, _Hashed(_identity(path), sha256))


def _identity(path: Path) -> Identity:
    status = path.stat()
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _name(path: Path) -> str:
    return os.path.realpath(path)


def _file() -> Path:
    return locations.state_dir() / "hashed.json"


def _read() -> dict[str, _Hashed]:
    """The list; empty if there is none, or none that can be trusted."""
    try:
        with _file().open("rb") as file:
            if distrust(_file(), os.fstat(file.fileno())) is not None:
                return {}
            # Not by msgspec's own JSON, which refuses the lone surrogates of names that are no text.
            listed = msgspec.convert(json.loads(file.read(_LARGEST)), _List)
    except (OSError, ValueError, RecursionError, ConfigError):
        return {}
    return listed.files if listed.format == _FORMAT else {}


def _keep(path: Path, hashed: _Hashed) -> None:
    """Put a file at the end of the list; where that cannot be written, it is hashed again next time."""
    files = _read()
    files.pop(_name(path), None)
    files[_name(path)] = hashed
    kept = dict(list(files.items())[-_MOST:])
    with contextlib.suppress(OSError, ConfigError):
        file = _file()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            replacement(file) as descriptor,
            os.fdopen(descriptor, "w", encoding="ascii") as stream,
        ):
            json.dump(msgspec.to_builtins(_List(kept)), stream, indent=1)
