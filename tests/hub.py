"""A hub on this machine that speaks the real one's protocol, and misbehaves as it is told to.

As on the real hub, a large file is sent by another host, the "CDN", to which the hub redirects with the
file's facts in the headers, and a small one by the hub itself, at another of its addresses.
"""

import contextlib
import hashlib
import re
import socket
import struct
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "somebody/tiny"


@dataclass
class Request:
    """One request, as it came and as it was answered."""

    host: str
    method: str
    path: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0


@dataclass
class Hub:
    """The hub; every attribute may be changed while it runs.

    Attributes:
        files: By their path in the repository.
        faults: By path, what befalls the next answers that carry its bytes, first things first.
        refusals: By path, (status, headers) with which the hub itself answers before anything else.
        stated_sizes: By path, where it is to state another size than the file has.
        requests: Everything that was asked.
    """

    files: dict[str, bytes]
    commit: str = COMMIT
    faults: dict[str, deque["Fault"]] = field(default_factory=lambda: defaultdict(deque))
    refusals: dict[str, deque[tuple[int, dict[str, str]]]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    stated_sizes: dict[str, int] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    cdn: str = ""
    halt: threading.Event = field(default_factory=threading.Event)

    def sent(self, path: str) -> list[int]:
        """How many bytes of a file each answer carried."""
        return [one.sent for one in self.bodies(path)]

    def bodies(self, path: str) -> list[Request]:
        """The requests that were for a file's bytes and were given some."""
        return [
            one
            for one in self.requests
            if one.method == "GET" and one.path.endswith("/" + path) and one.status in {200, 206}
        ]

    def wait_for(self, path: str, number: int) -> None:
        """Wait until so many bytes of a file have left."""
        for _ in range(6000):
            if sum(self.sent(path)) >= number:
                return
            threading.Event().wait(0.01)
        raise TimeoutError(path)


class Handler(BaseHTTPRequestHandler):
    """Answers as the hub, or as its CDN."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *arguments: object) -> None:
        del arguments

    def _answer(self) -> None:
        hub = self.server.hub
        path = urlsplit(self.path).path
        host = self.headers.get("Host", "")
        self.request_seen = Request(host, self.command, path, dict(self.headers))
        hub.requests.append(self.request_seen)
        kept = re.fullmatch(rf"/api/resolve-cache/models/{REPOSITORY}/{hub.commit}/(.+)", path)
        if path.startswith("/cdn/"):
            self._send_file(path.removeprefix("/cdn/"))
            return
        if kept is not None:
            self._send_small(kept[1])
            return
        match = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if match is None or match[1] != REPOSITORY:
            self.reply(404, {"X-Error-Code": "RepoNotFound"})
        elif match[2] not in {"main", hub.commit}:
            self.reply(404, {"X-Error-Code": "RevisionNotFound"})
        elif hub.refusals[match[3]]:
            self.reply(*hub.refusals[match[3]].popleft())
        elif match[3] not in hub.files:
            self.reply(404, {"X-Error-Code": "EntryNotFound"})
        else:
            self._send_known(match[3])

    def _send_known(self, path: str) -> None:
        hub = self.server.hub
        body = hub.files[path]
        size = str(hub.stated_sizes.get(path, len(body)))
        if is_large(path):
            sha256 = hashlib.sha256(body).hexdigest()
            facts = {
                "X-Repo-Commit": hub.commit,
                "X-Linked-Etag": f'"{sha256}"',
                "X-Linked-Size": size,
                "ETag": f'"{sha256}"',
                "Location": f"{hub.cdn}/cdn/{path}",
            }
            self.reply(302, facts)
        else:
            location = f"/api/resolve-cache/models/{REPOSITORY}/{hub.commit}/{path}"
            self.reply(307, {"X-Repo-Commit": hub.commit, "Location": location})

    def _send_small(self, path: str) -> None:
        hub = self.server.hub
        body = hub.files[path]
        blob = hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
        if self.command == "HEAD":
            size = hub.stated_sizes.get(path, len(body))
            self.reply(200, {"X-Repo-Commit": hub.commit, "ETag": f'"{blob}"'}, length=size)
        else:
            self._send_file(path)

    def _send_file(self, path: str) -> None:
        hub = self.server.hub
        body = hub.files[path]
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted else 0
        fault = hub.faults[path].popleft() if hub.faults[path] else None
        if fault is not None:
            fault(self, body, start)
        elif start > len(body) - 1:
            self.reply(416, {"Content-Range": f"bytes */{len(body)}"})
        elif wanted:
            self.send_part(body, start)
        else:
            self.send(200, {}, body)

    def reply(self, status: int, headers: dict[str, str], length: int = 0) -> None:
        """Answer without a body."""
        self.request_seen.status = status
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def send_part(self, body: bytes, start: int) -> None:
        """Answer as a range was asked for."""
        stated = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.send(206, {"Content-Range": stated}, body[start:])

    def send(self, status: int, headers: dict[str, str], body: bytes, stated: int = -1) -> None:
        """Answer with a body, `stated` bytes long as the headers have it."""
        self.reply(status, headers, len(body) if stated < 0 else stated)
        block = 1 << 16
        for start in range(0, len(body), block):
            self.wfile.write(body[start : start + block])
            self.request_seen.sent += len(body[start : start + block])

    def send_some(self, body: bytes, start: int, number: int) -> None:
        """Answer rightly, and send only so many bytes of the answer."""
        rest = body[start:]
        headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        self.send(206 if start else 200, headers, rest[:number], stated=len(rest))

    def cut(self, *, reset: bool = False) -> None:
        """End the connection, with a proper end or with a reset."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            if reset:
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            else:
                self.connection.shutdown(socket.SHUT_RDWR)


Fault = Callable[[Handler, bytes, int], None]


def is_large(path: str) -> bool:
    """Whether the hub keeps a file in git-lfs."""
    return path.endswith(".onnx")


def breaks_after(number: int, *, reset: bool = False) -> Fault:
    """The connection ends after so many bytes."""

    def fault(handler: Handler, body: bytes, start: int) -> None:
        handler.send_some(body, start, number)
        if reset:
            threading.Event().wait(0.2)  # a reset overtakes what is still on its way
        handler.cut(reset=reset)

    return fault


def stalls_after(number: int) -> Fault:
    """Nothing comes after so many bytes, and the connection stays."""

    def fault(handler: Handler, body: bytes, start: int) -> None:
        handler.send_some(body, start, number)
        handler.server.hub.halt.wait()
        handler.cut()

    return fault


def ends_early(number: int) -> Fault:
    """It states fewer bytes than the file has, and sends these, as if that were all."""

    def fault(handler: Handler, body: bytes, start: int) -> None:
        headers = {"Content-Range": f"bytes {start}-{start + number - 1}/*"} if start else {}
        handler.send(206 if start else 200, headers, body[start : start + number])

    return fault


def sends_more(handler: Handler, body: bytes, start: int) -> None:
    """It sends more than it states of the file."""
    handler.send(200, {}, body[start:] + b"more" * 100_000)
    handler.cut()


def sends_other(handler: Handler, body: bytes, start: int) -> None:
    """It sends as many bytes as it should, one of which is another."""
    other = bytearray(body)
    other[-1] ^= 1
    handler.send_some(bytes(other), start, len(body))


def ignores_range(handler: Handler, body: bytes, start: int) -> None:
    """It sends the whole file, whatever was asked for."""
    del start
    handler.send(200, {}, body)


def sends_other_range(handler: Handler, body: bytes, start: int) -> None:
    """It sends another part than was asked for."""
    handler.send_part(body, max(start - 10, 0))


def answers(status: int, **headers: str) -> Fault:
    """It answers with a status and no bytes."""

    def fault(handler: Handler, body: bytes, start: int) -> None:
        del body, start
        handler.reply(status, {name.replace("_", "-"): value for name, value in headers.items()})

    return fault


class Server(ThreadingHTTPServer):
    """One host of the hub."""

    daemon_threads = True

    def __init__(self, hub: Hub) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.hub = hub

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that are gone."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextlib.contextmanager
def running(files: dict[str, bytes]) -> Iterator[Hub]:
    """A hub with these files in its one repository."""
    hub = Hub(files)
    servers = [Server(hub), Server(hub)]
    hub.url, hub.cdn = (server.url for server in servers)
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        hub.halt.set()
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()
