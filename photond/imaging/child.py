"""The decoder process: photos come in through shared memory, pixels go out through a pipe.

Run by `photond.imaging.decoder` as `python -P -m photond.imaging.child MEMORY_FD MAX_MEMORY`.
"""

import mmap
import os
import resource
import signal
import sys
from typing import BinaryIO

import msgspec
from PIL import Image

from photond.errors import PictureError
from photond.imaging.confine import confine
from photond.imaging.decode import decode
from photond.imaging.message import FRAME, READY, Answer, Done, ForTower, Refused, Request
from photond.imaging.perceptual import perceptual_hash
from photond.imaging.preprocess import to_square


def serve(memory: int, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more.

    Args:
        memory: Descriptor of the shared memory.
        requests: Each is its length, as 4 bytes in little endian, and a `Request` in MessagePack.
        answers: First `READY`, then for each request `FRAME`, an `Answer` in MessagePack and pixels.
    """
    decoder = msgspec.msgpack.Decoder(Request)
    photos = _Photos(memory)
    answers.write(READY)
    answers.flush()
    while head := requests.read(4):
        request = decoder.decode(requests.read(int.from_bytes(head, "little")))
        answer, pixels = _answer(photos, request)
        message = msgspec.msgpack.encode(answer)
        answers.write(FRAME.pack(len(message), len(pixels)) + message)
        answers.write(pixels)
        answers.flush()


class _Photos:
    """The shared memory, mapped once for all photos that are not longer than those before them.

    It is never made shorter, so that what is mapped stays good.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._mapped: mmap.mmap | None = None

    def first(self, length: int) -> memoryview:
        """The photo of so many bytes that lies there now."""
        if self._mapped is None or length > len(self._mapped):
            self._mapped = mmap.mmap(self._memory, 0, access=mmap.ACCESS_READ)
        return memoryview(self._mapped)[:length]


def _answer(photos: _Photos, request: Request) -> tuple[Answer, bytes]:
    try:
        return _decode(photos.first(request.length), request)
    except PictureError as error:
        return Refused(error.reason), b""
    except MemoryError:
        most = resource.getrlimit(resource.RLIMIT_AS)[0] // 1_000_000
        return Refused(f"decoding needs more than {most:,} MB (index.max_megapixels)"), b""
    except Exception as error:  # noqa: BLE001 - nobody hears what it ends with, so it says so here
        return Refused(f"{type(error).__name__}: {error}"), b""


def _decode(data: memoryview, request: Request) -> tuple[Done, bytes]:
    min_side = request.spec.size if isinstance(request, ForTower) else min(request.size)
    picture = decode(data, name=request.name, min_side=min_side, limits=request.limits)
    seen = perceptual_hash(picture.image)
    if isinstance(request, ForTower):
        small = to_square(picture.image, request.spec)
    else:
        small = picture.image
        small.thumbnail(request.size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return Done(picture.facts, seen, *small.size), small.tobytes()


def main() -> None:
    """Serve on standard input and output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    memory, max_memory = map(int, sys.argv[1:])
    # Before the first photo, whose time is limited.
    Image.preinit()
    nothing = os.open(os.devnull, os.O_WRONLY)
    confine(max_memory)
    # Last, so that what keeps it from starting is said. libtiff, in C, writes a line there for each row
    # that is damaged.
    os.dup2(nothing, sys.stderr.fileno())
    os.close(nothing)
    serve(memory, sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
