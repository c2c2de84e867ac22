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

from photond.errors import PictureError
from photond.imaging.message import FRAME, MAX_MESSAGE, Answer, Refused, Request
from photond.imaging.perceptual import HASH_BYTES
from photond.imaging.picture import Facts, Limits
from photond.imaging.preprocess import InputSpec

# Without the current folder, where a photo may lie beside a module of a hostile kind.
COMMAND = (sys.executable, "-P", "-m", "photond.imaging.child")

# Address space of a decoder: the interpreter and its libraries with their threads, and for each pixel
# what the greediest decoder holds of it at once.
_BASE_BYTES = 2_000_000_000
_BYTES_PER_PIXEL = 12
_COPIES_OF_FILE = 2
_PIPE_BYTES = 1 << 20
_KEPT_BYTES = 1 << 25
# The start of a process is no photo's fault, and takes long on a busy machine.
_START_SECONDS = 30.0


class CrashedError(PictureError):
    """The decoder died of a photo, twice."""


class StartError(Exception):
    """No decoder process can be started, which is no photo's fault."""


class _DiedError(Exception):
    """The decoder ended, or said what none says; the text says how."""


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
        self._memory = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._is_new = True

    def decode(self, data: bytes, name: str, spec: InputSpec) -> Decoded:
        """Decode a photo; one of which the decoder dies is tried again in a fresh one.

        Args:
            data: The file's bytes.
            name: Its name or path.
            spec: What the tower takes.

        Raises:
            PictureError: It is no photo, is damaged, or exceeds the limits.
            CrashedError: The decoder died of it.
            StartError: No decoder can be started.
        """
        try:
            return self._try(data, name, spec)
        except _DiedError:
            self.close()
        try:
            return self._try(data, name, spec)
        except _DiedError as error:
            self.close()
            raise CrashedError(str(error)) from None

    def close(self) -> None:
        """End the process, whatever it is doing; the next photo starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
            os.close(self._memory)

    def _start(self) -> subprocess.Popen[bytes]:
        memory = os.memfd_create("photond-photo")
        try:
            process = subprocess.Popen(  # noqa: S603 - this program's own
                [*self._command, str(memory), str(self._max_memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                pass_fds=(memory,),
                process_group=0,  # Ctrl-C is the parent's to handle
            )
        except OSError as error:
            os.close(memory)
            raise StartError(f"no decoder can be started ({error.strerror})") from error
        assert process.stdout is not None
        with suppress(OSError):  # an unprivileged user may have used up what pipes may take
            fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._process, self._memory, self._is_new = process, memory, True
        return process

    def _try(self, data: bytes, name: str, spec: InputSpec) -> Decoded:
        process = self._process or self._start()
        assert process.stdin is not None
        seconds = self._limits.max_seconds + (_START_SECONDS if self._is_new else 0)
        deadline = time.monotonic() + seconds
        # Its pages are used again, as making them costs time, but not kept after a very large file.
        if os.fstat(self._memory).st_size > _KEPT_BYTES:
            os.ftruncate(self._memory, 0)
        view, offset = memoryview(data), 0
        while offset < len(data):
            offset += os.pwrite(self._memory, view[offset:], offset)
        request = msgspec.msgpack.encode(Request(len(data), name, spec, self._limits))
        try:
            process.stdin.write(len(request).to_bytes(4, "little") + request)
        except BrokenPipeError:
            raise self._died(process) from None
        message_bytes, tensor_bytes = FRAME.unpack(self._read(process, FRAME.size, deadline))
        self._is_new = False
        if message_bytes > MAX_MESSAGE or tensor_bytes not in {0, 12 * spec.size**2}:
            raise _DiedError("the decoder gave an answer that makes no sense")
        try:
            answer = msgspec.msgpack.decode(
                self._read(process, message_bytes, deadline), type=Answer
            )
        except msgspec.MsgspecError:
            raise _DiedError("the decoder gave an answer that makes no sense") from None
        if isinstance(answer, Refused):
            raise PictureError(answer.reason)
        if not tensor_bytes or len(answer.perceptual_hash) != HASH_BYTES:
            raise _DiedError("the decoder gave an answer that makes no sense")
        pixels = np.frombuffer(self._read(process, tensor_bytes, deadline), np.float32)
        return Decoded(
            answer.facts, answer.perceptual_hash, pixels.reshape(3, spec.size, spec.size)
        )

    def _read(self, process: subprocess.Popen[bytes], count: int, deadline: float) -> bytearray:
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        read = bytearray(count)
        view, done = memoryview(read), 0
        while done < count:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                self.close()
                raise PictureError(f"decoding took more than {self._limits.max_seconds:.0f} s")
            part = os.readv(descriptor, [view[done:]])
            if not part:
                raise self._died(process)
            done += part
        return read

    def _died(self, process: subprocess.Popen[bytes]) -> _DiedError:
        try:
            code = process.wait(1)
        except subprocess.TimeoutExpired:
            return _DiedError("the decoder stopped answering")
        if code < 0:
            return _DiedError(f"the decoder crashed ({signal.Signals(-code).name})")
        return _DiedError(f"the decoder ended by itself (status {code})")
