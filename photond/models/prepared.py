"""Towers as onnxruntime made them ready for this machine, kept on the disk for the next time.

Making a tower ready (reading its weights, optimising its graph, packing weights for the processor) takes
most of the time of loading it, and twice its size in memory that is the process's own. What is kept
here, a graph and one file of weights, is mapped: it is in memory as other files are, once for all
processes, and the kernel may drop it.

Nothing depends on it: what is missing, damaged or not to be trusted is removed and made again, and where
it cannot be written the tower is loaded from its pack.
"""

import errno
import fcntl
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import msgspec

from photond.config import locations
from photond.config.ownership import require_trusted
from photond.config.settings import ModelSettings
from photond.errors import ConfigError, ModelError
from photond.logs import get_logger
from photond.models import processor
from photond.models.hashes import keep_sha256, sha256_of, sha256_once
from photond.models.pack import Pack, Sha256
from photond.models.shelf import all_packs
from photond.replacement import sync

log = get_logger(__name__)

GRAPH: Literal["tower.onnx"] = "tower.onnx"
DATA: Literal["tower.data"] = "tower.data"
_STATEMENT = "prepared.json"
_UNFINISHED, _FAILED = ".unfinished-", ".failed-"

# Of what is written, and how: another number is another tower.
_FORMAT = 1
_MOST = 8  # towers
# None is made where less room than this would be left, with the tower grown as much as fp16 weights do
# that are widened and packed.
_RESERVE = 2 << 30  # bytes
_GROWTH = 6
# What failed is tried again so much later, by whatever process: each try may write a gigabyte.
_PATIENCE = 24 * 3600  # seconds
# One at a time in a process, as each takes twice the memory of its tower.
_making = threading.Lock()


class Origin(msgspec.Struct, frozen=True):
    """What a prepared tower was made of, and for; by another of these it is another.

    Attributes:
        tower: The SHA-256 of the tower's file.
        processor: As `processor.identity` says.
        runtime: The version of onnxruntime.
        format: Of what is kept.
    """

    tower: Sha256
    processor: str
    runtime: str
    format: int = _FORMAT

    @property
    def key(self) -> str:
        """The name of its folder."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:32]


class _Statement(msgspec.Struct, frozen=True):
    """What a folder holds: the SHA-256 of each file, by its name."""

    origin: Origin
    files: dict[Literal["tower.onnx", "tower.data"], Sha256]


def origin_of(tower: str, runtime: str) -> Origin | None:
    """What a tower that is prepared here and now depends on; None if the processor is not known.

    Args:
        tower: The SHA-256 of its file.
        runtime: The version of onnxruntime.
    """
    here = processor.identity()
    return None if here is None else Origin(tower, here, runtime)


def prepared_towers(settings: ModelSettings) -> "PreparedTowers | None":
    """Where prepared towers are kept; None if the user wants none."""
    if not settings.keep_prepared:
        return None
    try:
        return all_prepared()
    except ConfigError:
        return None  # without a home there is no place for them


def all_prepared() -> "PreparedTowers":
    """Where prepared towers are kept, whether or not the user wants any more.

    Raises:
        ConfigError: It cannot be told where the user's home is.
    """
    return PreparedTowers(locations.cache_dir() / "towers", locations.models_dir())


class PreparedTowers:
    """The towers that are kept. Safe to use from several threads and processes at once.

    Args:
        folder: Where each has a folder; it may be missing.
        models_dir: The user's packs: a tower that no pack at hand has is not kept.
    """

    def __init__(self, folder: Path, models_dir: Path) -> None:
        self._folder = folder
        self._models_dir = models_dir
        self._has_failed = False

    def find(self, origin: Origin) -> Path | None:
        """The graph of a tower that is kept, with its weights beside it.

        Returns:
            None if there is none; one that is damaged, or that somebody else could have written, is
            removed, and can be made again.
        """
        folder = self._folder / origin.key
        if not os.path.lexists(folder):
            return None
        try:
            _check(folder, origin)
        except (ModelError, OSError) as error:
            log.debug("prepared tower is dropped", folder=origin.key, reason=str(error))
            _remove(folder)
            return None
        with suppress(OSError):
            os.utime(folder)  # when it was used last
        return folder / GRAPH

    def make(
        self, origin: Origin, tower: Path, prepare: Callable[[Path, Path], None]
    ) -> Path | None:
        """Prepare a tower and keep it. What failed is not tried again by this process, nor soon.

        Args:
            origin: What it is made of.
            tower: Its file.
            prepare: Writes `GRAPH`, and `DATA` if there is need, for the tower into a folder, or raises
                a ModelError.

        Returns:
            The graph; None if there is no room, the disk refuses, or another process is at it.
        """
        if self._has_failed or _is_recent(self._failure(origin)):
            return None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _unfinished(self._folder, origin.key) as folder:
                # Another process may have finished it meanwhile.
                if (graph := self.find(origin)) is not None:
                    return graph
                with _making:
                    _require_room(folder, tower.stat().st_size)
                    prepare(tower, folder)
                statement = _seal(folder, origin)
                kept = folder.rename(self._folder / origin.key)
                sync(self._folder)
        except (BlockingIOError, FileNotFoundError):
            return None  # another process has its hands in there
        except (ModelError, OSError) as error:
            self.give_up(origin, error)
            return None
        for name, sha256 in statement.files.items():
            keep_sha256(kept / name, sha256)
        with suppress(OSError):
            self.prune()
        return kept / GRAPH

    def give_up(self, origin: Origin, reason: Exception) -> None:
        """Remove a tower that turned out to be of no use; who has it loaded can go on."""
        log.debug("tower is not kept", folder=origin.key, reason=str(reason))
        self._has_failed = True
        _remove(self._folder / origin.key)
        with suppress(OSError):
            self._failure(origin).touch(0o600)

    def prune(self) -> None:
        """Remove what no pack at hand has, what was made by another version, and too many."""
        at_hand = {
            spec.sha256
            for pack in all_packs(self._models_dir).values()
            if isinstance(pack, Pack)
            for spec in (pack.image, pack.text)
        }
        kept: set[tuple[str, str]] = set()
        for folder, statement in self._by_use():
            if statement is not None and statement.origin.tower in at_hand and len(kept) < _MOST:
                # Of one tower for one processor, the one that was used last.
                one = statement.origin.tower, statement.origin.processor
                if one not in kept:
                    kept.add(one)
                    continue
            _remove(folder)
        for failure in self._folder.glob(f"{_FAILED}*"):
            if not _is_recent(failure):
                _remove(failure)

    def bytes_of(self, pack: Pack) -> int:
        """How much room the towers of a pack take here."""
        return sum(
            _size(folder)
            for folder, statement in self._by_use()
            if statement is not None
            and statement.origin.tower in {pack.image.sha256, pack.text.sha256}
        )

    def _failure(self, origin: Origin) -> Path:
        """The file whose time is that of the last failure."""
        return self._folder / f"{_FAILED}{origin.key}"

    def _by_use(self) -> list[tuple[Path, _Statement | None]]:
        """The folders, the one used last first, each with what it says; None if that says nothing."""
        folders = sorted(self._folder.glob("[!.]*"), key=_used_at, reverse=True)
        return [(folder, _statement(folder)) for folder in folders]


def _is_recent(failure: Path) -> bool:
    try:
        return abs(time.time() - failure.stat().st_mtime) < _PATIENCE
    except OSError:
        return False


def _used_at(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0  # another process removes it


def _size(folder: Path) -> int:
    try:
        return sum(file.stat().st_size for file in folder.iterdir())
    except OSError:
        return 0


def _statement(folder: Path) -> _Statement | None:
    try:
        return msgspec.json.decode((folder / _STATEMENT).read_bytes(), type=_Statement)
    except (OSError, msgspec.DecodeError):
        return None


def _check(folder: Path, origin: Origin) -> None:
    """See that a folder holds what was put there.

    Raises:
        ModelError: It does not, or somebody else could have written it.
        OSError: It cannot be read.
    """
    require_trusted(ModelError, folder, folder / _STATEMENT)
    statement = _statement(folder)
    if statement is None or statement.origin != origin or GRAPH not in statement.files:
        raise ModelError("it does not say what it is")
    require_trusted(ModelError, *(folder / name for name in statement.files))
    for name, stated in statement.files.items():
        if sha256_once(folder / name) != stated:
            raise ModelError(f"{name} is damaged")


def _seal(folder: Path, origin: Origin) -> _Statement:
    """State what was written to a folder, and have the disk hold all of it; returns what was stated.

    Raises:
        OSError: The disk refuses.
    """
    names = (GRAPH, DATA) if (folder / DATA).exists() else (GRAPH,)
    statement = _Statement(origin, {name: sha256_of(folder / name) for name in names})
    (folder / _STATEMENT).write_bytes(msgspec.json.encode(statement))
    for name in (*names, _STATEMENT):
        (folder / name).chmod(0o600)
        sync(folder / name)
    sync(folder)
    return statement


def _require_room(folder: Path, tower_bytes: int) -> None:
    if shutil.disk_usage(folder).free < _RESERVE + _GROWTH * tower_bytes:
        raise OSError(errno.ENOSPC, "too little room would be left", str(folder))


@contextmanager
def _unfinished(shelf: Path, key: str) -> Iterator[Path]:
    """An empty folder, this thread's alone, to write something in and rename it; else it is removed.

    What processes left that died in here is removed first.

    Raises:
        BlockingIOError: Another one is writing the same.
        OSError: The disk refuses.
    """
    for left in shelf.glob(f"{_UNFINISHED}*"):
        with suppress(OSError), _locked(left):
            _remove(left)
    folder = shelf / f"{_UNFINISHED}{key}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with _locked(folder):
        try:
            yield folder
        finally:
            _remove(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Be the only one to use a folder; the kernel drops the lock with the process.

    Raises:
        BlockingIOError: Somebody else is using it, or has just put another in its place.
        OSError: It is no folder, or cannot be opened.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder, flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not folder.exists() or not os.path.samestat(folder.stat(), os.fstat(descriptor)):
            raise BlockingIOError(errno.EWOULDBLOCK, "somebody else has used it up", str(folder))
        yield
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """Delete a folder, or what lies in its place, as far as the disk lets it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
