"""Downloading a pack: what the registry names, as the hub states it, whole or not at all."""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tomlkit

from photond.errors import ModelError
from photond.logs import get_logger
from photond.models.hashes import sha256_of
from photond.models.hub import RemoteFile, address, describe, fetch
from photond.models.pack import MANIFEST, Pack, Part, load_pack
from photond.models.staging import Staging, on_disk, reserved
from photond.replacement import sync

log = get_logger(__name__)

# Left free on the disk, which others write to as well.
_MARGIN = 50_000_000
_BLOCK = 1 << 20
_COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class _Item:
    """A file of the pack, and the hub's statement of it."""

    part: Part
    remote: RemoteFile

    @property
    def unfinished(self) -> str:
        """The name of what there is of it; of other content it is never gone on with."""
        return f"{self.part.file}.{self.remote.identity}.part"


class Download:
    """A pack on its way from the hub to its place among the packs; made by `downloading`.

    Attributes:
        entry: What the registry says of it.
        source: The address of the repository.
        commit: Of the repository, from which all its files come.
        bytes: How large its files are together.
        there: How many of these bytes are there already.
    """

    def __init__(self, entry: Pack, items: tuple[_Item, ...], staging: Staging) -> None:
        self.entry = entry
        self.source = address(entry.repository or "")
        self.commit = items[0].remote.commit
        self.bytes = sum(item.remote.bytes for item in items)
        self._items = items
        self._staging = staging
        names = [name for item in items for name in (item.part.file, item.unfinished)]
        staging.open(names)
        self.there = sum(map(self._bytes_there, items))
        self._check_room()

    def fetch(self, report: Callable[[int], None]) -> None:
        """Bring every file, and hold it against the hashes that the hub and the registry state.

        Args:
            report: Told of each number of bytes that came, and of bytes lost, as a negative number.

        Raises:
            ModelError: The hub, the connection or the disk fails, or a file is not what it should be.
        """
        with on_disk(self._staging.folder):
            for item in self._items:
                self._bring(item, report)

    def finish(self, examine: Callable[[Pack], object]) -> Pack:
        """Write the `model.toml`, examine the pack where it is, and put it in its place.

        Args:
            examine: Raises a ModelError where the pack does not do what it should.

        Raises:
            ModelError: It does not; what was fetched is kept, out of sight.
        """
        folder = self._staging.folder
        with on_disk(folder):
            self._write_manifest()
            try:
                examine(load_pack(folder))
            except ModelError as error:
                raise ModelError(
                    f"the pack {self.entry.name!r} was fetched as the hub has it, and cannot be used: "
                    f"{error.message}",
                    f"It is kept in {folder}; `photond models remove {self.entry.name}` deletes it.",
                ) from error
            self._staging.put_in_place()
        return load_pack(self._staging.target)

    def _bytes_there(self, item: _Item) -> int:
        whole, unfinished = (
            self._staging.folder / name for name in (item.part.file, item.unfinished)
        )
        path = whole if whole.exists() else unfinished
        return path.stat().st_size if path.exists() else 0

    def _check_room(self) -> None:
        folder = self._staging.folder
        free = shutil.disk_usage(folder).free
        missing = self.bytes - self.there
        needed = missing + _MARGIN
        if missing and free < needed:
            raise ModelError(
                f"{folder.parent} has room for {free / 1e6:,.0f} MB, and the pack "
                f"{self.entry.name!r} needs {needed / 1e6:,.0f} MB more",
                "Make room, then try again.",
            )

    def _bring(self, item: _Item, report: Callable[[int], None]) -> None:
        whole = self._staging.folder / item.part.file
        unfinished = self._staging.folder / item.unfinished
        if whole.exists():
            if _reason_against(item, whole) is None:
                return
            report(-whole.stat().st_size)
            whole.unlink()
        is_resumed = unfinished.exists()
        fetch(item.remote, unfinished, report)
        reason = _reason_against(item, unfinished)
        if reason is not None and is_resumed:
            # What lay there may have suffered, as from a power cut; that is no reason to fail.
            log.warning("what was there is damaged, fetching it anew", file=item.part.file)
            report(-item.remote.bytes)
            unfinished.unlink()
            fetch(item.remote, unfinished, report)
            reason = _reason_against(item, unfinished)
        if reason is not None:
            unfinished.unlink()
            raise ModelError(
                f"{item.remote.url} is not what it should be: {reason}",
                "It was thrown away. If it happens again, something between here and the hub "
                "changes the file, or it is not the one that this version of photond knows.",
            )
        sync(unfinished)
        unfinished.rename(whole)

    def _write_manifest(self) -> None:
        """The registry's `model.toml` with what is known now: the commit, the hashes and the sizes."""
        document = tomlkit.parse((self.entry.folder / MANIFEST).read_text("utf-8"))
        document["revision"] = self.commit
        for section in ("image", "text", "tokenizer", "labels"):
            part: Part | None = getattr(self.entry, section)
            if part is not None:
                path = self._staging.folder / part.file
                document[section]["bytes"] = path.stat().st_size
                document[section]["sha256"] = sha256_of(path)
        manifest = self._staging.folder / MANIFEST
        manifest.write_text(tomlkit.dumps(document), "utf-8")
        sync(manifest)


@contextmanager
def downloading(entry: Pack, shelf: Path) -> Iterator[Download]:
    """Ask the hub for a pack's files, and hold the pack's place meanwhile.

    Nothing of the pack can be met before `Download.finish` is through, and what was fetched before an
    interruption is gone on with.

    Args:
        entry: What the registry says of it.
        shelf: The folder of the packs.

    Yields:
        The download, of which the files are still to be fetched.

    Raises:
        ModelError: Another process is at it, the hub cannot be asked, or there is not enough room.
    """
    with reserved(shelf, entry.name) as staging:
        items = _asked(entry)
        with on_disk(staging.folder):
            download = Download(entry, items, staging)
        yield download


def whole_pack(name: str, shelf: Path) -> Pack | None:
    """The pack that lies in its place already, held against its hashes; None if there is none.

    Raises:
        ModelError: There is something, and it is no whole pack.
    """
    folder = shelf / name
    if not os.path.lexists(folder):
        return None
    try:
        pack = load_pack(folder)
        pack.verify()
    except ModelError as error:
        raise ModelError(
            error.message, f"`photond models download {name} --force` puts a new one in its place."
        ) from error
    return pack


def _asked(entry: Pack) -> tuple[_Item, ...]:
    """What the hub states of every file; of a branch, all are of the commit that it is at now."""
    items = []
    revision = entry.revision
    for part in entry.parts:
        if entry.repository is None or part.remote is None or part.file == MANIFEST:
            raise ModelError(f"{entry.folder}: it is not said where {part.file} comes from")
        remote = describe(entry.repository, revision, part.remote)
        if _COMMIT.fullmatch(revision) and remote.commit != revision:
            raise ModelError(f"the hub has {remote.commit} where it was asked for {revision}")
        if remote.sha256 is None and remote.git_blob is None and part.sha256 is None:
            raise ModelError(f"the hub states no hash of {remote.url}, so it cannot be verified")
        if None not in {remote.sha256, part.sha256} and remote.sha256 != part.sha256:
            raise ModelError(
                f"{remote.url} is not the file that this version of photond knows: its SHA-256 is "
                f"{remote.sha256:.12}…, and not {part.sha256:.12}…",
                "It was not fetched.",
            )
        items.append(_Item(part, remote))
        revision = remote.commit
    return tuple(items)


def _reason_against(item: _Item, path: Path) -> str | None:
    """Why the file cannot be the one that the hub and the registry state; None if it can."""
    size = path.stat().st_size
    if size != item.remote.bytes:
        return f"it has {size} bytes, and not {item.remote.bytes}"
    found = sha256_of(path)
    for wanted in (item.part.sha256, item.remote.sha256):
        if wanted not in {None, found}:
            return f"its SHA-256 is {found:.12}…, and not {wanted:.12}…"
    blob = item.remote.git_blob
    if blob is not None and (found := _git_blob(path)) != blob:
        return f"its git hash is {found:.12}…, and not {blob:.12}…"
    return None


def _git_blob(path: Path) -> str:
    """The name that git gives to a file's content, as `git hash-object` prints it."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
