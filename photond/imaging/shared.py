"""Memory that a photo is read into, and that its decoder process reads it from."""

import mmap
import os

_DESCRIPTORS = "/proc/self/fd"
_STEP_BYTES = 1 << 16
_KEPT_BYTES = 1 << 25


class SharedMemory:
    """A file in memory (memfd) that this process writes to, and others may only read.

    Its pages are there before anything is written to them, so that where the system has none left this
    is an error, and no signal that ends the process.

    Raises:
        OSError: There are no descriptors left.
    """

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("photond-photo", os.MFD_CLOEXEC)
        self._mapped: mmap.mmap | None = None
        # How much of it has pages.
        self._filled = 0

    def open_to_read(self) -> int:
        """A descriptor of it that cannot be written through; the caller closes it.

        Where there is no `/proc`, as in a bare chroot, there is no way to one, and it can be.

        Raises:
            OSError: There are no descriptors left.
        """
        try:
            return os.open(f"{_DESCRIPTORS}/{self._descriptor}", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return os.dup(self._descriptor)

    def room(self, size: int) -> memoryview:
        """The first `size` bytes of it, to write to; what they were before is undefined.

        Its pages are used again, as making them costs time, but not kept after a very large photo.

        Raises:
            OSError: The system has no memory for so many.
        """
        if self._mapped is not None and self._filled > _KEPT_BYTES:
            self._mapped.madvise(mmap.MADV_REMOVE, _KEPT_BYTES)
            self._filled = _KEPT_BYTES
        if size > self._filled:
            whole = -(-size // _STEP_BYTES) * _STEP_BYTES
            # Makes the file longer too. It is never made shorter: a view of what was cut off would be
            # a trap.
            os.posix_fallocate(self._descriptor, 0, whole)
            self._filled = whole
        if self._mapped is None or size > len(self._mapped):
            self._mapped = mmap.mmap(self._descriptor, self._filled)
        return memoryview(self._mapped)[:size]

    def holds(self, data: bytes | memoryview) -> bool:
        """Whether it was `room` that gave these bytes, and they are still there."""
        return isinstance(data, memoryview) and data.obj is self._mapped

    def close(self) -> None:
        """Give it back; views of it stay good."""
        self._mapped = None
        os.close(self._descriptor)
