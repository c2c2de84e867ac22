"""The decoder process: photos come in through shared memory, tensors go out through a pipe.

Run by `photond.imaging.decoder` as `python -P -m photond.imaging.child MEMORY_FD MAX_MEMORY`.
"""

import os
import signal
import sys
from typing import BinaryIO

import msgspec

from photond.errors import PictureError
from photond.imaging.confine import confine
from photond.imaging.decode import decode
from photond.imaging.message import FRAME, Answer, Done, Refused, Request
from photond.imaging.perceptual import perceptual_hash
from photond.imaging.preprocess import to_tensor


def serve(memory: int, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests, a line's length and a message each, until there are no more.

    Args:
        memory: Descriptor of the shared memory.
        requests: Each is its length, as 4 bytes in little endian, and a `Request` in MessagePack.
        answers: Each is `FRAME`, an `Answer` in MessagePack and the tensor, float32.
    """
    decoder = msgspec.msgpack.Decoder(Request)
    while head := requests.read(4):
        request = decoder.decode(requests.read(int.from_bytes(head, "little")))
        answer, tensor = _decode(memory, request)
        message = msgspec.msgpack.encode(answer)
        answers.write(FRAME.pack(len(message), len(tensor)) + message)
        answers.write(tensor)
        answers.flush()


def _decode(memory: int, request: Request) -> tuple[Answer, bytes]:
    spec = request.spec
    try:
        data = os.pread(memory, request.length, 0)
        picture = decode(data, name=request.name, min_side=spec.size, limits=request.limits)
        done = Done(picture.facts, perceptual_hash(picture.image))
        return done, to_tensor(picture.image, spec).tobytes()
    except PictureError as error:
        return Refused(error.reason), b""
    except MemoryError:
        return Refused("decoding needs more memory than a photo may take"), b""


def main() -> None:
    """Serve on standard input and output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    memory, max_memory = map(int, sys.argv[1:])
    confine(max_memory)
    serve(memory, sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
