"""Answers whoever asks the daemon, each client on a thread of its own.

The thread that waits for clients does nothing else, so none of them can keep it; a client that is slow,
silent or dead keeps only its own thread, and that no longer than its deadline. While nobody asks,
nothing wakes up.
"""

import contextlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from photond.daemon import protocol
from photond.daemon.listening import Place
from photond.daemon.peer import peer_uid
from photond.daemon.protocol import Found
from photond.daemon.status import DaemonStatus
from photond.errors import PhotondError
from photond.logs import get_logger

log = get_logger(__name__)

DEADLINE = 10.0  # seconds for a client to finish its request, and to take its answer
MAX_CLIENTS = 32
CLOSING = 2.0  # seconds for answers that are under way when the server closes


class Control(Protocol):
    """What the daemon can be told.

    Each method is called on the thread of the client that asks, several at the same time, and returns at
    once: it only notes what the daemon's main loop is to do.
    """

    def status(self) -> DaemonStatus: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...

    def rescan(self, paths: Sequence[str]) -> int:
        """Compare these folders with the index, or all that are configured if there are none.

        Returns:
            The number of the pass, by which it is found in the status.
        """

    def retry(self, paths: Sequence[str]) -> None:
        """Try failed photos again, below these paths or all."""

    def reload(self) -> None:
        """Read the configuration again; if it is wrong, the old one stays in effect."""

    def stop(self) -> None: ...


class Searches(Protocol):
    """Who answers questions; called as a control is, and may take its time.

    Raises:
        PhotondError: The question is wrong, or cannot be answered; the client is told.
    """

    def query(self, request: protocol.QueryRequest) -> Found: ...

    @property
    def trouble(self) -> str:
        """Why answers take longer than they could; empty if they do not."""


class Server:
    """Has a daemon answer at a socket until it is closed.

    Args:
        control: Who is told.
        searches: Who answers questions.
        path: The socket's file. Its folder is made, and neither is for anybody else's eyes.
        inherited: A socket that listens already, from systemd; the file is then not touched.
        deadline: Seconds that a client has for its request, and again for taking the answer.

    Raises:
        DaemonRunningError: Another daemon answers at that socket.
        PhotondError: The socket cannot be made.
    """

    def __init__(
        self,
        control: Control,
        searches: Searches,
        path: Path,
        *,
        inherited: socket.socket | None = None,
        deadline: float = DEADLINE,
        max_clients: int = MAX_CLIENTS,
    ) -> None:
        self._control = control
        self._searches = searches
        self._deadline = deadline
        self._free = threading.Semaphore(max_clients)
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()
        self._closing = False
        self._place: Place | None = None
        if inherited is None:
            self._place = Place(path)
            inherited = self._place.listener
        self._listener = inherited
        self._listener.settimeout(0)
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._accept, name="photond-server", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Take no more requests, let answers that are under way go out, and remove the socket."""
        with self._guard:
            if self._closing:
                return
            self._closing = True
        if self._thread.ident is not None:
            self._wake.send(b"x")
            self._free.release()
            self._thread.join()
        with self._guard:
            clients = dict(self._clients)
        for connection in clients:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        end = time.monotonic() + CLOSING
        for connection, thread in clients.items():
            if thread is threading.current_thread():
                continue
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._wake.close()
        self._woken.close()
        if self._place is not None:
            self._place.leave()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                # While all are taken, who comes waits in the kernel's queue, request and all.
                self._free.acquire()
                ready = {key.fileobj for key, _ in selector.select()}
                if self._closing:
                    return
                if self._listener not in ready or not self._take_client():
                    self._free.release()

    def _take_client(self) -> bool:
        """Begin to serve whoever has come; returns whether anybody is being served by it."""
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return False  # it hung up again
        except OSError as error:
            # Too many open files, most likely: without a rest this would spin until some are closed.
            log.warning("a client could not be accepted", error=str(error))
            time.sleep(0.1)
            return False
        if not _is_same_user(connection):
            log.warning("a client of another user was refused")
            connection.close()
            return False
        thread = threading.Thread(
            target=self._serve, args=(connection,), name="photond-client", daemon=True
        )
        with self._guard:
            self._clients[connection] = thread
        try:
            thread.start()
        except RuntimeError as error:  # no more threads, or no memory for one
            log.warning("a client could not be served", error=str(error))
            with self._guard:
                del self._clients[connection]
            connection.close()
            return False
        return True

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):  # gone, or too slow
                self._converse(connection)
        finally:
            with self._guard:
                del self._clients[connection]
            connection.close()
            self._free.release()

    def _converse(self, connection: socket.socket) -> None:
        """Answer one request after the other.

        Raises:
            OSError: The client is gone or has not kept its deadline.
        """
        buffer = bytearray()
        while (line := self._receive(connection, buffer)) is not None:
            answer = self._answer(line)
            connection.settimeout(self._deadline)
            connection.sendall(answer)
            if len(line) > protocol.MAX_LINE_BYTES:
                return  # where its next request would begin is not known

    def _receive(self, connection: socket.socket, buffer: bytearray) -> bytes | None:
        """The next line, None at the end; one that is too long as far as it was read.

        Raises:
            OSError: As for `_converse`.
        """
        end = time.monotonic() + self._deadline
        searched = 0
        while (newline := buffer.find(b"\n", searched)) < 0:
            if len(buffer) > protocol.MAX_LINE_BYTES:
                return bytes(buffer)
            searched = len(buffer)
            # A client that sends a byte now and then has no more time than a silent one.
            connection.settimeout(max(0.001, end - time.monotonic()))
            data = connection.recv(1 << 16)
            if not data:
                return None
            buffer += data
        line = bytes(buffer[: newline + 1])
        del buffer[: newline + 1]
        return line

    def _answer(self, line: bytes) -> bytes:
        """Whatever the line, the lines of its answer."""
        try:
            return self._handle(protocol.decode_request(line))
        except PhotondError as error:
            return protocol.encode_error(error)
        except Exception as error:
            log.exception("a request failed")
            return protocol.encode_error(protocol.unexpected(error))

    def _handle(self, request: protocol.AnyRequest) -> bytes:
        control = self._control
        match request:
            case protocol.StatusRequest():
                status = replace(control.status(), search_trouble=self._searches.trouble)
                return protocol.encode_result(status)
            case protocol.QueryRequest():
                return protocol.encode_found(self._searches.query(request))
            case protocol.PauseRequest():
                control.pause()
            case protocol.ResumeRequest():
                control.resume()
            case protocol.RescanRequest():
                return protocol.encode_result({"rescan": control.rescan(request.paths)})
            case protocol.RetryRequest():
                control.retry(request.paths)
            case protocol.ReloadRequest():
                control.reload()
            case protocol.StopRequest():
                control.stop()
        return protocol.encode_result({})


def _is_same_user(connection: socket.socket) -> bool:
    """Whether whoever connected is the user that the daemon works for."""
    return peer_uid(connection) == os.geteuid()
