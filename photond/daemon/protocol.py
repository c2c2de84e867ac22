"""The language in which the daemon is spoken to; docs/protocol.md describes it for other programs.

A request is one line that holds one JSON object. Its answer is any number of lines `{"item": ...}` and
then exactly one line, `{"result": ...}` or `{"error": ...}`. Everything here is pure: bytes to requests,
answers to bytes.
"""

import json
from typing import Annotated, Any, Final, Literal

import msgspec

from photond.config.wording import quoted
from photond.errors import PhotondError, UsageError

VERSION: Final = 1
MAX_LINE_BYTES = 1 << 20  # a line of a request, with its newline

Path = Annotated[str, msgspec.Meta(min_length=1, max_length=4096, pattern=r"\A/[^\x00]*\Z")]
Score = Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Offset = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class Request(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="command"
):
    """What every request has."""

    photond: Literal[1] = VERSION


class StatusRequest(Request, frozen=True, tag="status"):
    """What are you doing?"""


class QueryRequest(Request, frozen=True, kw_only=True, tag="query"):
    """Which photos are these?

    Attributes:
        configuration: Whose settings the asker means, see `photond.config.fingerprint`; a daemon that
            runs with others says so. None for those of `database` and `pack`.
        database: The index that the asker means; a daemon that keeps another one says so.
        pack: The model pack that the asker means, likewise.
        text: What to look for, and among which photos, in the language of docs/query.md. Paths in it
            are absolute.
        limit: How many photos at most; None for as many as the daemon's settings say.
        offset: How many of the best to leave out, as having been seen.
        min_score: Photos with a lower cosine similarity are left out.
        each_copy: Whether identical files are an item each, instead of one that stands for them.
        offline: Whether photos on disks that are not there are found, too.
        names_only: Whether to look for words in names and in the user's own tags alone.
    """

    configuration: str | None = None
    database: Path | None = None
    pack: str | None = None
    text: Annotated[str, msgspec.Meta(min_length=1)]
    limit: Limit | None = None
    offset: Offset = 0
    min_score: Score = -1.0
    each_copy: bool = False
    offline: bool = False
    names_only: bool = False


class PauseRequest(Request, frozen=True, tag="pause"):
    """Rest until you are told to go on."""


class ResumeRequest(Request, frozen=True, tag="resume"):
    """Go on."""


class RescanRequest(Request, frozen=True, kw_only=True, tag="rescan"):
    """Compare folders with the index.

    Attributes:
        paths: Which; all that are configured if empty.
    """

    paths: tuple[Path, ...] = ()


class RetryRequest(Request, frozen=True, kw_only=True, tag="retry"):
    """Try photos again that failed.

    Attributes:
        paths: Photos, or folders with all below; all that failed if empty.
    """

    paths: tuple[Path, ...] = ()


class ReloadRequest(Request, frozen=True, tag="reload"):
    """Read the configuration again."""


class StopRequest(Request, frozen=True, tag="stop"):
    """Finish what is in hand and end."""


AnyRequest = (
    StatusRequest
    | QueryRequest
    | PauseRequest
    | ResumeRequest
    | RescanRequest
    | RetryRequest
    | ReloadRequest
    | StopRequest
)
COMMANDS = ("status", "query", "pause", "resume", "rescan", "retry", "reload", "stop")


class FoundTag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag of a photo that was found."""

    tag: str
    confidence: float


class FoundPhoto(msgspec.Struct, frozen=True, kw_only=True):
    """A photo that was found, as `photond query --json` prints it."""

    path: str
    score: float | None
    probability: float | None
    tags: tuple[FoundTag, ...]
    taken_at: str | None
    width: int
    height: int
    copies: int
    offline: bool


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found.

    Attributes:
        photos: The items of the answer, best first.
        notes: What the user should know of it, a sentence each.
    """

    photos: tuple[FoundPhoto, ...]
    notes: tuple[str, ...] = ()


class ProtocolError(UsageError):
    """A line is no request."""


def decode_request(line: bytes) -> AnyRequest:
    """The request that a line holds.

    Raises:
        ProtocolError: It holds none, or one that this version does not know.
    """
    if len(line) > MAX_LINE_BYTES:
        raise ProtocolError(f"the request is longer than {MAX_LINE_BYTES:,} bytes")
    request = _loaded(line)
    if not isinstance(request, dict):
        raise ProtocolError("the request is not a JSON object")
    version = request.get("photond")
    if type(version) is not int or version != VERSION:
        said = "does not say its version" if version is None else "has an unknown version"
        raise ProtocolError(
            f"the request {said}; this photond speaks version {VERSION}",
            "After an upgrade, restart the daemon: systemctl --user restart photond",
        )
    command = request.get("command")
    if command not in COMMANDS:
        known = ", ".join(COMMANDS)
        shown = quoted(command) if isinstance(command, str) else "that"
        raise ProtocolError(f"there is no command {shown}; there are {known}")
    try:
        # Not msgspec's own JSON: it refuses the lone surrogates in which paths carry their odd bytes.
        decoded: AnyRequest = msgspec.convert(request, AnyRequest)
    except (ValueError, RecursionError) as error:  # msgspec's ValidationError is a ValueError
        raise ProtocolError(f"the request is not right: {error}") from error
    return decoded


def encode_item(item: object) -> bytes:
    """One of several things that an answer is made of, as a line."""
    return _line({"item": msgspec.to_builtins(item)})


def encode_result(result: object) -> bytes:
    """The end of an answer, as a line."""
    return _line({"result": msgspec.to_builtins(result)})


def encode_found(found: Found) -> bytes:
    """The whole answer to a search: its photos, a line each, and its end."""
    items = [encode_item(photo) for photo in found.photos]
    return b"".join([*items, encode_result({"notes": found.notes})])


def encode_error(error: PhotondError) -> bytes:
    """The answer to what failed, as a line."""
    return _line(
        {
            "error": {
                "message": error.message,
                "remedy": error.remedy,
                "exit_code": int(error.exit_code),
            }
        }
    )


def unexpected(error: Exception) -> PhotondError:
    """What a client is told of a bug."""
    return PhotondError(
        f"the daemon failed: {type(error).__name__}: {error}",
        "Its journal says more: journalctl --user -u photond",
    )


def _line(value: object) -> bytes:
    # In ASCII, so that a lone surrogate, which stands for a byte that is no text, travels as its escape.
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


def _loaded(line: bytes) -> Any:  # noqa: ANN401 - whatever JSON can say
    try:
        value = json.loads(line.decode("utf-8"), parse_constant=_refused)
        # Every string may become a path: of lone surrogates, only those that stand for a byte can.
        json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape")
        return value  # noqa: TRY300 - both lines can fail
    except (ValueError, RecursionError) as error:
        raise ProtocolError("the request is not JSON in UTF-8") from error


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
