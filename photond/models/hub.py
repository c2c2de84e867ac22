"""The Hugging Face hub, as far as packs need it: what it states of a file, and the file's bytes.

This is the one place from which photond uses the network. `huggingface_hub` finds the hub, the proxy and
the user's token, and knows when to try again; what it does not do is done here, and said where it is
done.
"""

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from photond import __version__
from photond.errors import ModelError
from photond.logs import get_logger

# The library reads these once, when it is imported. It would add to its user agent what else is
# installed and who runs it, and ask the hub for a list to find that out.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# A native transport, not shown to work with pages of 16 KiB. Plain HTTP gives the same bytes.
os.environ["HF_HUB_DISABLE_XET"] = "1"
# There is a bar of photond's own.
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
# How many seconds a connection may be silent; the library's 10 are few for a busy disk at the far end.
os.environ["HF_HUB_DOWNLOAD_TIMEOUT"] = os.environ.get("HF_HUB_DOWNLOAD_TIMEOUT", "30")

try:
    import httpx2
    from huggingface_hub import (
        HfFileMetadata,
        constants,
        get_hf_file_metadata,
        hf_hub_url,
        hf_raise_for_status,
    )
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
    from huggingface_hub.utils import build_hf_headers, http_stream_backoff
except ValueError as unreadable:
    raise ModelError(
        f"a setting of the hub cannot be understood: {unreadable}",
        "Look at HF_ENDPOINT, HF_HUB_DOWNLOAD_TIMEOUT and HF_HUB_ETAG_TIMEOUT.",
    ) from unreadable

log = get_logger(__name__)

# The library writes to standard error by itself; like any other it is to say it to photond's log.
_library = logging.getLogger("huggingface_hub")
_library.handlers.clear()
_library.propagate = True

# How often in a row a connection may bring nothing before it is given up, and how much is not nothing.
_TRIES = 5
_WORTH_A_CONNECTION = 1 << 16
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_NO_ENTRY = frozenset({401, 403})
_MISSING = 404
_TOO_MANY = 429
_TROUBLE = 500

_SHA256 = re.compile("[0-9a-f]{64}")
_GIT_BLOB = re.compile("[0-9a-f]{40}")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the hub states it.

    Attributes:
        url: Of this content: its commit stands in it.
        commit: Of the repository.
        bytes: Its size.
        sha256: Of a large file, which git-lfs keeps.
        git_blob: Of any other: the SHA-1 that git knows its content by.
    """

    url: str
    commit: str
    bytes: int
    sha256: str | None
    git_blob: str | None

    @property
    def identity(self) -> str:
        """Differs wherever the content does."""
        return f"{self.sha256 or self.git_blob or self.commit:.16}"


def address(repository: str) -> str:
    """Where a repository is, on the hub that is asked."""
    return f"{constants.ENDPOINT}/{repository}"


def describe(repository: str, revision: str, path: str) -> RemoteFile:
    """Ask the hub for what it states of a file, which is little and quickly done.

    Args:
        repository: "owner/name".
        revision: A commit, or a branch, which is looked up.
        path: Of the file in the repository.

    Raises:
        ModelError: There is none, or the hub cannot be asked.
    """
    what = f"{path} at {repository}, revision {revision}"
    with _explained(what):
        stated = _head(hf_hub_url(repository, path, revision=revision))
    if stated.commit_hash is None or not stated.size:
        raise ModelError(
            f"{constants.ENDPOINT} does not state the commit and the size of {what}",
            "It is no Hugging Face hub; is HF_ENDPOINT right?",
        )
    etag = stated.etag or ""
    return RemoteFile(
        url=hf_hub_url(repository, path, revision=stated.commit_hash),
        commit=stated.commit_hash,
        bytes=stated.size,
        sha256=etag if _SHA256.fullmatch(etag) else None,
        git_blob=etag if _GIT_BLOB.fullmatch(etag) else None,
    )


def fetch(remote: RemoteFile, to: Path, report: Callable[[int], None]) -> None:
    """Bring a file to its full length from where it is; what is in it is not looked at.

    The library's own download begins anew in each process and throws away what an interrupted one had,
    and gives up when a connection is reset. This one keeps every byte and goes on.

    Args:
        remote: What to fetch.
        to: The file, which may be there in part.
        report: Told of each number of bytes that came, and of bytes lost, as a negative number.

    Raises:
        ModelError: The hub refuses, or the connection brings nothing any more.
        OSError: The disk is full, or the file cannot be written.
    """
    if (too_much := _size(to)) > remote.bytes:
        to.unlink()
        report(-too_much)
    fruitless = 0
    with _explained(remote.url):
        while (start := _size(to)) != remote.bytes:
            try:
                _receive(remote, to, start, report)
            except (
                httpx2.TimeoutException,
                httpx2.NetworkError,
                httpx2.RemoteProtocolError,
            ) as error:
                brought = _size(to) - start
                fruitless = 0 if brought >= _WORTH_A_CONNECTION else fruitless + 1
                if fruitless >= _TRIES:
                    raise
                # Who was waited for long enough is asked again at once.
                wait = 0 if isinstance(error, httpx2.TimeoutException) else min(2**fruitless, 8)
                log.warning(
                    "connection lost, going on",
                    url=remote.url,
                    had=_size(to),
                    of=remote.bytes,
                    reason=_reason(error),
                    seconds=wait,
                )
                time.sleep(wait)


def _head(url: str) -> HfFileMetadata:
    ask = partial(
        get_hf_file_metadata,
        url,
        token=_token(),
        library_name="photond",
        library_version=__version__,
    )
    try:
        return ask()
    except HfHubHTTPError as error:
        if error.response.status_code not in _PASSING:
            raise
    except (httpx2.TimeoutException, httpx2.ReadError, httpx2.RemoteProtocolError):
        pass
    # The library's tries take half a minute, which is not for saying that there is no network at all.
    return ask(retry_on_errors=True)


def _token() -> str | Literal[False]:
    """The token that the user has set for this; not one that other programs have stored.

    The library would take that too, and so tell the hub who fetches what is there for everyone.
    """
    return os.environ.get("HF_TOKEN", "").strip() or False


def _receive(remote: RemoteFile, to: Path, start: int, report: Callable[[int], None]) -> None:
    # Compressed on the way, the bytes could not be counted, and not be gone on with.
    headers = build_hf_headers(
        token=_token(),
        library_name="photond",
        library_version=__version__,
        headers={"Accept-Encoding": "identity"},
    )
    if start:
        headers["Range"] = f"bytes={start}-"
    descriptor = os.open(to, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW, 0o666)
    with (
        os.fdopen(descriptor, "ab", buffering=0) as file,
        # The library tries again when the hub is busy, and waits as long as it is told to. Broken
        # connections are left to the caller: the library knows nothing of what has come already.
        http_stream_backoff(
            "GET",
            remote.url,
            headers=headers,
            timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
            retry_on_exceptions=(),
            retry_on_status_codes=tuple(_PASSING),
        ) as response,
    ):
        hf_raise_for_status(response)
        if not _goes_on(response, start):
            file.truncate(0)
            report(-start)
            start = 0
            if response.status_code != httpx2.codes.OK:
                raise httpx2.RemoteProtocolError(
                    "it sent another part of the file than was asked for"
                )
        there = start
        for chunk in response.iter_bytes():
            there += len(chunk)
            if there > remote.bytes:
                raise ModelError(f"{remote.url} sends more than the {remote.bytes} bytes it states")
            rest = memoryview(chunk)
            while rest:
                rest = rest[file.write(rest) :]
            report(len(chunk))
    if there < remote.bytes:
        # An end that looks like a proper one, as of a proxy that was cut off.
        raise httpx2.RemoteProtocolError(f"it ended after {there} of {remote.bytes} bytes")


def _goes_on(response: httpx2.Response, start: int) -> bool:
    """Whether a response begins where the file ends; one to the whole file does at 0 alone."""
    if response.status_code != httpx2.codes.PARTIAL_CONTENT:
        return start == 0
    stated = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    is_plain = response.headers.get("Content-Encoding", "identity") == "identity"
    return stated is not None and int(stated[1]) == start and is_plain


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Say in a sentence what went wrong between here and the hub."""
    host = urlsplit(constants.ENDPOINT).netloc or constants.ENDPOINT
    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code
        answered = f"{error.response.url.host} answered HTTP {status}"
        if status == _MISSING:
            raise ModelError(f"the hub ({host}) has no {what} (HTTP 404)") from error
        if status in _NO_ENTRY:
            raise ModelError(
                f"{answered}: it does not give {what} to just anyone",
                "Set HF_TOKEN to a token that may read it; if it is set, the token may be wrong.",
            ) from error
        if status == _TOO_MANY or status >= _TROUBLE:
            raise ModelError(
                f"{answered} for {what}", "Try again later; it goes on from what is there."
            ) from error
        raise ModelError(f"{answered} for {what}") from error
    except OfflineModeIsEnabled as error:
        raise ModelError("HF_HUB_OFFLINE forbids to ask the hub", "Unset it.") from error
    except (httpx2.ReadError, httpx2.ReadTimeout, httpx2.RemoteProtocolError) as error:
        raise ModelError(
            f"the connection to the hub ({host}) broke off: {_reason(error)}",
            "The same command goes on from what is there.",
        ) from error
    # The last two are of a proxy's address that the client cannot do with.
    except (httpx2.HTTPError, httpx2.InvalidURL, ImportError, ValueError) as error:
        raise ModelError(
            f"the hub ({host}) cannot be reached: {_reason(error)}",
            "Look at the connection, and at HF_ENDPOINT and the proxy where they are set.",
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, httpx2.ReadTimeout):
        return f"nothing came for {constants.HF_HUB_DOWNLOAD_TIMEOUT} s"
    return str(error) or type(error).__name__
