"""What photond says about its work, on stderr: for people on a terminal, for programs elsewhere.

Modules say `log = get_logger(__name__)` and pass facts as fields. Whatever libraries log at warning and
above goes the same way. Structlog is imported when there is something to say and not before: that takes
about 50 ms, which commands that only print, such as a query, need not pay.
"""

import contextlib
import json
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from photond.printable import printable

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}

# What journald reads a line's level from: the numbers of syslog.
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}

# Reentrant, as a signal handler may log while the thread that it interrupts is writing.
_writing = threading.RLock()


@dataclass
class _Wanted:
    """What `configure` was asked for.

    Attributes:
        threshold: The least grave level; None as long as nothing was asked for.
        apply: Tells structlog; None once that is done.
    """

    threshold: int | None = None
    apply: Callable[[], None] | None = None


_wanted = _Wanted()


class Stream(Protocol):
    """As much of a text file as is needed to log to it."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


def configure(
    level: str,
    format: str,  # noqa: A002 - named as the setting `log.format`
    stream: Stream | None = None,
) -> None:
    """Set up logging for the whole process; a second call replaces the first.

    Args:
        level: The least grave level that is written: debug, info, warning or error. Exceptions have
            their traceback at debug only, and elsewhere one field that says what happened.
        format: `console` for people, `json` for programs, `auto` for whichever reads the stream.
        stream: Where to write; stderr, as it is at the time of each message, if not given.
    """
    threshold = _LEVELS[level]
    with _writing:
        _wanted.threshold = threshold
        _wanted.apply = partial(_configure_structlog, threshold, format, stream)
    _take_over_libraries(max(threshold, logging.WARNING))


def is_configured() -> bool:
    """Whether it is settled what is written and where."""
    return _wanted.threshold is not None


def get_logger(name: str) -> "FilteringBoundLogger":
    """A logger of structlog's, for the module of this name; structlog comes with its first message."""
    return cast("FilteringBoundLogger", _Logger(name))


class _Logger:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 - whatever structlog's loggers have
        threshold = _wanted.threshold
        if threshold is not None and _LEVELS.get(method, threshold) < threshold:
            return _say_nothing
        import structlog  # noqa: PLC0415 - see the module's own words

        with _writing:
            if _wanted.apply is not None:
                _wanted.apply()
                _wanted.apply = None
        return getattr(structlog.get_logger(self._name), method)


def _say_nothing(*_arguments: object, **_fields: object) -> None: ...


def _configure_structlog(threshold: int, format: str, stream: Stream | None) -> None:  # noqa: A002
    import structlog  # noqa: PLC0415 - see the module's own words

    target = sys.stderr if stream is None else stream
    terminal = _is_terminal(target)
    if format == "console" or (format == "auto" and terminal):
        clock = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
        text = printable
        renderer: Processor = structlog.dev.ConsoleRenderer(
            colors=terminal and _wants_colors(),
            exception_formatter=structlog.dev.plain_traceback,
        )
    else:
        clock = structlog.processors.TimeStamper(fmt="iso", utc=True)
        text = _encodable
        renderer = structlog.processors.JSONRenderer(_as_json, default=repr)
    pipe: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _add_name,
        _add_traceback if threshold <= logging.DEBUG else _add_reason,
        partial(_make_plain, text),
        clock,
        _with_priority(renderer) if _is_journal(target) else renderer,
    ]
    structlog.configure(
        processors=pipe,
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        context_class=dict,
        logger_factory=lambda *names: _Sink(str(names[0]) if names else "photond", stream),
        cache_logger_on_first_use=False,
    )


class _Sink:
    """Where rendered lines go.

    Args:
        name: The logger that they come from.
        stream: The file; stderr if None.
    """

    def __init__(self, name: str, stream: Stream | None) -> None:
        self.name = name
        self._stream = stream

    def write(self, line: str) -> None:
        """Write a line; never fails, since work must not stop for want of a place to report it."""
        stream = sys.stderr if self._stream is None else self._stream
        with _writing, contextlib.suppress(OSError, ValueError):
            try:
                stream.write(line + "\n")
            except UnicodeEncodeError:
                stream.write(line.encode("ascii", "backslashreplace").decode() + "\n")
            stream.flush()

    debug = info = warning = error = critical = write


class _FromLibraries(logging.Handler):
    """Hands what libraries log with the standard library to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        level = max(
            (name for name, number in _LEVELS.items() if number <= record.levelno),
            key=_LEVELS.__getitem__,
            default="debug",
        )
        try:
            message = record.getMessage().strip()
        except (TypeError, ValueError):  # the library's arguments do not fit its own message
            message = str(record.msg)
        say = getattr(get_logger(record.name), level)
        say(message, exc_info=record.exc_info)


def _take_over_libraries(threshold: int) -> None:
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _FromLibraries):
            root.removeHandler(handler)
    root.addHandler(_FromLibraries())
    root.setLevel(threshold)
    logging.captureWarnings(capture=True)


def _add_name(logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    event.setdefault("logger", logger.name)
    return event


def _add_traceback(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    if (error := _exception(event.pop("exc_info", None))) is not None:
        event["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return event


def _add_reason(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    if (error := _exception(event.pop("exc_info", None))) is not None:
        event.setdefault("error", "".join(traceback.format_exception_only(error)).strip())
    return event


def _exception(given: object) -> BaseException | None:
    """The exception that `exc_info` stands for, in any of the forms that logging allows."""
    if isinstance(given, tuple):
        given = given[1]
    if isinstance(given, BaseException):
        return given
    return sys.exc_info()[1] if given else None


def _make_plain(
    text: Callable[[str], str], _logger: "WrappedLogger", _method: str, event: "EventDict"
) -> "EventDict":
    """Turns every field into what each renderer can write; names of files can hold any byte."""
    fields: EventDict = {}
    for key, value in event.items():
        plain = str(_plain(value)) if key == "event" else _plain(value)
        if isinstance(plain, str):
            several = key in {"exception", "stack"}
            plain = "\n".join(map(text, plain.split("\n"))) if several else text(plain)
        fields[text(_encodable(key))] = plain
    return fields


def _plain(value: object) -> object:
    if isinstance(value, bytes | str | os.PathLike):
        return _encodable(os.fsdecode(value))
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    return value


def _encodable(text: str) -> str:
    r"""Text that UTF-8 can hold; a byte of a name that is not UTF-8 becomes `\xff`."""
    try:
        return os.fsencode(text).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _as_json(event: object, **options: Any) -> str:  # noqa: ANN401 - what structlog passes
    r"""JSON on one line whose reader's terminal it cannot steer.

    What is not printable stands within its strings, where `\uXXXX` says the same; everything else stays
    readable as it is.
    """
    line = json.dumps(event, ensure_ascii=False, **options)
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in line)


def _with_priority(renderer: "Processor") -> "Processor":
    """Marks each line of what a renderer makes with its level, for journald."""

    def render(logger: "WrappedLogger", method: str, event: "EventDict") -> str:
        mark = f"<{_PRIORITIES[method]}>"
        return "\n".join(mark + line for line in str(renderer(logger, method, event)).split("\n"))

    return render


def _is_terminal(stream: object) -> bool:
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]  # asking is the only way to know
    except (AttributeError, ValueError):
        return False


def _wants_colors() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _is_journal(stream: object) -> bool:
    """Whether what is written goes straight to journald.

    `JOURNAL_STREAM` alone does not say: a terminal that systemd started passes it on.
    """
    try:
        status = os.fstat(stream.fileno())  # type: ignore[attr-defined]  # as above
    except (AttributeError, OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
