"""A disk whose power can fail: what was not synced may be there or not, whole or torn."""

import random
from dataclasses import dataclass, field

from tests.powercut.calls import Create, Operation, Rename, Resize, Sync, Unlink, Write

SECTOR = 512
# How often nothing is lost, as when a process is killed, and how often all that may be.
_NOTHING_LOST = 0.2
_ALL_LOST = 0.2
_TORN = 0.1

_Change = Write | Resize
_Naming = Create | Rename | Unlink


@dataclass(slots=True)
class _File:
    """What of a file is on the disk for sure, and what was done to it since."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[_Change] = field(default_factory=list)

    def sync(self) -> None:
        for change in self.pending:
            _change(self.synced, change)
        self.pending.clear()

    def seen(self) -> bytes:
        content = bytearray(self.synced)
        for change in self.pending:
            _change(content, change)
        return bytes(content)


@dataclass(slots=True)
class Disk:
    """The files of a folder, by name, as a process has left them and as they are for sure.

    Names are journalled, as by ext4, XFS and Btrfs: they change in their order, and a power cut loses
    the last of the changes that no sync of the folder has covered. Bytes are not: of what was written
    to a file since its last sync, anything may be there, whatever was written before or after it.

    Attributes:
        is_lying: Whether it says that it has synced when it has not, as disks without power-loss
            protection do; then what is lost should be noticed.
    """

    is_lying: bool = False
    _files: list[_File] = field(default_factory=list)
    _names: dict[str, int] = field(default_factory=dict)
    _synced_names: dict[str, int] = field(default_factory=dict)
    _pending_names: list[tuple[_Naming, int]] = field(default_factory=list)

    def do(self, operation: Operation) -> None:
        """Do what a process did."""
        match operation:
            case Write() | Resize():
                self._files[self._names[operation.name]].pending.append(operation)
            case Sync() if self.is_lying:
                pass
            case Sync(""):
                for naming, number in self._pending_names:
                    _rename(self._synced_names, naming, number)
                self._pending_names.clear()
            case Sync():
                self._files[self._names[operation.name]].sync()
            case Create():
                if operation.name not in self._names:
                    self._files.append(_File())
                    self._note(operation, len(self._files) - 1)
            case Rename() | Unlink():
                self._note(operation, self._names[operation.name])

    @property
    def files(self) -> dict[str, bytes]:
        """The files as whoever reads them sees them while there is power, by name."""
        return {name: self._files[number].seen() for name, number in sorted(self._names.items())}

    def cut(self, chance: random.Random, operation: Operation | None) -> dict[str, bytes]:
        """The files as a power cut may leave them while `operation` is under way.

        Returns:
            Their contents by name.
        """
        keep = chance.choices(
            [1.0, 0.0, chance.random()],
            [_NOTHING_LOST, _ALL_LOST, 1 - _NOTHING_LOST - _ALL_LOST],
        )[0]
        kept = round(keep * len(self._pending_names))
        names = dict(self._synced_names)
        for naming, number in self._pending_names[:kept]:
            _rename(names, naming, number)
        under_way = operation if isinstance(operation, Write) and keep else None
        return {
            name: self._left(number, chance, keep, under_way)
            for name, number in sorted(names.items())
        }

    def _left(
        self, number: int, chance: random.Random, keep: float, under_way: Write | None
    ) -> bytes:
        file = self._files[number]
        content = bytearray(file.synced)
        for change in file.pending:
            if keep < 1 and isinstance(change, Write) and chance.random() < _TORN:
                _tear(content, change, chance)
            elif chance.random() < keep:
                _change(content, change)
        if under_way is not None and self._names.get(under_way.name) == number:
            _tear(content, under_way, chance)
        return bytes(content)

    def _note(self, naming: _Naming, number: int) -> None:
        _rename(self._names, naming, number)
        self._pending_names.append((naming, number))


def _rename(names: dict[str, int], naming: _Naming, number: int) -> None:
    match naming:
        case Create():
            names[naming.name] = number
        case Rename():
            names.pop(naming.name, None)
            names[naming.new] = number
        case Unlink():
            names.pop(naming.name, None)


def _change(content: bytearray, change: _Change) -> None:
    match change:
        case Write():
            content.extend(bytes(max(0, change.offset - len(content))))
            content[change.offset : change.offset + len(change.data)] = change.data
        case Resize():
            del content[change.size :]
            content.extend(bytes(change.size - len(content)))


def _tear(content: bytearray, write: Write, chance: random.Random) -> None:
    """Write some sectors of a write and not the others."""
    start, end = write.offset, write.offset + len(write.data)
    while start < end:
        stop = min(end, start - start % SECTOR + SECTOR)
        if chance.random() < 0.5:
            piece = write.data[start - write.offset : stop - write.offset]
            _change(content, Write(write.name, start, piece))
        start = stop
