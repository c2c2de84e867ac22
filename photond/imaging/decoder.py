"""Decodes photos in a process of its own, so that a crash of a decoder costs one photo."""

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
from PIL import Image

from photond.errors import PhotondError, PictureError
from photond.imaging.message import (
    FRAME,
    MAX_MESSAGE,
    READY,
    Answer,
    Done,
    ForTower,
    ForViewer,
    Refused,
    Request,
)
from photond.imaging.perceptual import HASH_BYTES
from photond.imaging.picture import Facts, Limits
from photond.imaging.preprocess import InputSpec
from photond.imaging.shared import SharedMemory
from photond.imaging.tensor import normalised

# Without the current folder, where a photo may lie beside a module of a hostile kind.
COMMAND = (sys.executable, "-P", "-m", "photond.imaging.child")
# A pool of threads for matrices, which it multiplies none of, takes addresses for each core. What it
# frees, glibc is to keep for the next photo (mallopt(3)): making the pages anew each time takes 3 ms.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 26),
}

# Address space of a decoder: the interpreter and its libraries with their threads, and for each pixel
# what the greediest decoder, that of WebP, holds of it at once (docs/reliability.md).
_BASE_BYTES = 2_000_000_000
_BYTES_PER_PIXEL = 21
_COPIES_OF_FILE = 3
_PIPE_BYTES = 1 << 20
# The start of a process is no photo's fault, and takes long on a busy machine.
_START_SECONDS = 30.0
# Made here, while one thread imports this: where two of them are the first to decode into a dataclass,
# msgspec (0.22) ends the process with SIGSEGV.
_ANSWERS = msgspec.msgpack.Decoder(Answer)
_NONSENSE = "the decoder gave an answer that makes no sense"


class CrashedError(PictureError):
    """The decoder died of a photo, twice."""


class StartError(PhotondError):
    """No decoder process can be started, or given anything, which is no photo's fault."""


class _DiedError(Exception):
    """The decoder ended, or said what none says; the text says how."""


class _UnreadyError(_DiedError):
    """It did so before it was given a photo."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A photo as the tower takes it.

    Attributes:
        facts: What it says about itself.
        perceptual_hash: See `photond.imaging.perceptual`.
        pixels: float32 of shape (3, size, size), as `to_tensor` gives.
    """

    facts: Facts
    perceptual_hash: bytes
    pixels: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A photo as people are shown it.

    Attributes:
        perceptual_hash: Of the photo as it is before it is made small.
        image: Mode RGB, upright.
    """

    perceptual_hash: bytes
    image: Image.Image


class Decoder:
    """A decoder process, started when the first photo comes; for one thread.

    Args:
        limits: Of each photo; the time holds for every format, as the process is killed.
        max_bytes: Of a file.
        command: What to run, before its arguments.
    """

    def __init__(self, limits: Limits, max_bytes: int, command: tuple[str, ...] = COMMAND) -> None:
        self._limits = limits
        self._command = command
        self._max_memory = (
            _BASE_BYTES + _BYTES_PER_PIXEL * limits.max_pixels + _COPIES_OF_FILE * max_bytes
        )
        self._memory: SharedMemory | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def room(self, size: int) -> memoryview:
        """Where to read a file of so many bytes to, so that it need not be copied to be decoded.

        It is good until the next call, or until a photo that lies elsewhere is decoded.

        Raises:
            StartError: There is no memory for it.
        """
        try:
            if self._memory is None:
                self._memory = SharedMemory()
            return self._memory.room(size)
        except OSError as error:
            raise StartError(f"no decoder can be given it ({error.strerror})") from error

    def decode(self, data: bytes | memoryview, name: str, spec: InputSpec) -> Decoded:
        """Decode a photo; one of which the decoder dies is tried again in a fresh one.

        Args:
            data: The file's bytes, best in `room`.
            name: Its name or path.
            spec: What the tower takes.

        Raises:
            PictureError: It is no photo, is damaged, or exceeds the limits.
            CrashedError: The decoder died of it.
            StartError: No decoder can be started.
        """
        request = ForTower(len(data), _sendable(name), self._limits, spec)
        done, pixels = self._ask(data, request, (spec.size, spec.size))
        return Decoded(
            done.facts,
            done.perceptual_hash,
            normalised(np.frombuffer(pixels, np.uint8).reshape(spec.size, spec.size, 3), spec),
        )

    def thumbnail(self, data: bytes | memoryview, name: str, size: tuple[int, int]) -> Thumbnail:
        """Decode a photo as `decode` does, for people.

        Args:
            data: The file's bytes, best in `room`.
            name: Its name or path.
            size: How wide and high it may be, in pixels; it keeps its proportions and is not enlarged.
        """
        request = ForViewer(len(data), _sendable(name), self._limits, size)
        done, pixels = self._ask(data, request, size)
        image = Image.frombytes("RGB", (done.width, done.height), bytes(pixels))
        return Thumbnail(done.perceptual_hash, image)

    def close(self) -> None:
        """End the process, whatever it is doing, and give memory back; the next photo starts another."""
        self._end()
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.close()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()

    def _ask(
        self, data: bytes | memoryview, request: Request, most: tuple[int, int]
    ) -> tuple[Done, bytearray]:
        if self._memory is None or not self._memory.holds(data):
            self.room(len(data))[:] = data
        try:
            return self._try(request, most)
        except _DiedError:
            self._end()
        try:
            return self._try(request, most)
        except _UnreadyError as error:
            self._end()
            raise StartError(str(error)) from None
        except _DiedError as error:
            self._end()
            raise CrashedError(str(error)) from None

    def _try(self, request: Request, most: tuple[int, int]) -> tuple[Done, bytearray]:
        process = self._process or self._start()
        deadline = time.monotonic() + self._limits.max_seconds
        try:
            _send(process, request)
            message_bytes, pixel_bytes = FRAME.unpack(_read(process, FRAME.size, deadline))
            if message_bytes > MAX_MESSAGE:
                raise _DiedError(_NONSENSE)
            answer = _ANSWERS.decode(_read(process, message_bytes, deadline))
            if isinstance(answer, Refused):
                raise PictureError(answer.reason)
            _check(answer, pixel_bytes, most)
            return answer, _read(process, pixel_bytes, deadline)
        except TimeoutError:
            self._end()
            seconds = f"{self._limits.max_seconds:.0f} s"
            raise PictureError(f"decoding took more than {seconds}") from None
        except (BrokenPipeError, EOFError):
            raise _DiedError(_how_it_ended(process)) from None
        except OSError as error:
            self._end()
            raise StartError(f"no decoder can be asked ({error.strerror})") from error
        except msgspec.MsgspecError:
            raise _DiedError(_NONSENSE) from None

    def _start(self) -> subprocess.Popen[bytes]:
        assert self._memory is not None
        memory = -1
        try:
            memory = self._memory.open_to_read()
            process = subprocess.Popen(  # noqa: S603 - this program's own
                [*self._command, str(memory), str(self._max_memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                env=os.environ | _ENVIRONMENT,
                pass_fds=(memory,),
                process_group=0,  # Ctrl-C is the parent's to handle
            )
        except OSError as error:
            raise StartError(f"no decoder can be started ({error.strerror})") from error
        finally:
            if memory >= 0:
                os.close(memory)
        assert process.stdout is not None
        with suppress(OSError):  # an unprivileged user may have used up what pipes may take
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._process = process
        try:
            said = _read(process, len(READY), time.monotonic() + _START_SECONDS)
        except (TimeoutError, EOFError):
            raise _UnreadyError("no decoder can be started (the log may say why)") from None
        if said != READY:
            raise _UnreadyError("photond is not the one that was started: start it again")
        return process


def _send(process: subprocess.Popen[bytes], request: Request) -> None:
    message = msgspec.msgpack.encode(request)
    assert process.stdin is not None
    process.stdin.write(len(message).to_bytes(4, "little") + message)


def _check(answer: Done, pixel_bytes: int, most: tuple[int, int]) -> None:
    """Whether a decoder that nobody has taken over could say so."""
    is_sound = (
        len(answer.perceptual_hash) == HASH_BYTES
        and 0 < answer.width <= most[0]
        and 0 < answer.height <= most[1]
        and pixel_bytes == 3 * answer.width * answer.height
    )
    if not is_sound:
        raise _DiedError(_NONSENSE)


def _read(process: subprocess.Popen[bytes], count: int, deadline: float) -> bytearray:
    """So many bytes of what a decoder says.

    Raises:
        TimeoutError: It has not said them by the deadline.
        EOFError: It says no more.
    """
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    read = bytearray(count)
    view, done = memoryview(read), 0
    while done < count:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise TimeoutError
        part = os.readv(descriptor, [view[done:]])
        if not part:
            raise EOFError
        done += part
    return read


def _how_it_ended(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(1)
    except subprocess.TimeoutExpired:
        return "the decoder stopped answering"
    if code < 0:
        return f"the decoder crashed ({signal.Signals(-code).name})"
    return f"the decoder ended by itself (status {code})"


def _sendable(name: str) -> str:
    """A name as a message can carry it; what counts of it is the suffix."""
    return name.encode("utf-8", "replace").decode()
