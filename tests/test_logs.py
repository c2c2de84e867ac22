import io
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from photond import logs

VALUES = st.text() | st.binary() | st.floats() | st.none()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging belongs to the process; each test gives it back as it found it."""
    for name in ("NO_COLOR", "JOURNAL_STREAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def fail() -> None:
    raise ValueError("no such thing")


def log_failure() -> None:
    try:
        fail()
    except ValueError:
        logs.get_logger("photond.test").exception("failed", path="a.jpg")


def test_elsewhere_than_on_a_terminal_each_message_is_a_line_of_json() -> None:
    stream = io.StringIO()
    logs.configure("info", "auto", stream)
    logs.get_logger("photond.store").info("indexed", photos=3)
    logs.get_logger("photond.store").debug("not shown")
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert datetime.fromisoformat(entry.pop("timestamp")).tzinfo is UTC
    assert entry == {"event": "indexed", "level": "info", "logger": "photond.store", "photos": 3}


def test_on_a_terminal_messages_are_for_people_and_colored() -> None:
    stream = Terminal()
    logs.configure("info", "auto", stream)
    logs.get_logger("photond.store").info("indexed", photos=3)
    assert "indexed" in stream.getvalue()
    assert "\x1b[" in stream.getvalue()


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colors_can_be_turned_off(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    stream = Terminal()
    logs.configure("info", "auto", stream)
    logs.get_logger("photond.store").info("indexed", photos=3)
    line = stream.getvalue()
    assert line.split()[1:] == ["[info", "]", "indexed", "[photond.store]", "photos=3"]
    assert "\x1b" not in line


def test_the_format_can_be_chosen_against_the_stream() -> None:
    terminal, file = Terminal(), io.StringIO()
    logs.configure("info", "json", terminal)
    logs.get_logger("x").info("hello")
    assert json.loads(terminal.getvalue())["event"] == "hello"
    logs.configure("info", "console", file)
    logs.get_logger("x").info("hello")
    assert "hello" in file.getvalue()
    assert "\x1b" not in file.getvalue()


@pytest.mark.parametrize("layout", ["console", "json"])
def test_names_of_any_bytes_are_logged_on_one_line(layout: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict", newline="")
    logs.configure("info", layout, stream)
    odd = os.fsdecode(b"\xff\n\x1b[31m.jpg")
    logs.get_logger("x").info(
        odd, text=odd, path=Path(odd), raw=os.fsencode(odd), many=[odd, {odd: odd}], alone="\ud800"
    )
    line = stream.buffer.getvalue().decode()
    assert line.count("\n") == 1
    assert "\x1b" not in line
    if layout == "json":
        entry = json.loads(line)
        shown = "\\xff\n\x1b[31m.jpg"
        assert {entry[key] for key in ("event", "text", "path", "raw")} == {shown}
        assert entry["many"] == [shown, {shown: shown}]


@settings(deadline=None, max_examples=50)
@given(
    st.dictionaries(
        st.text(min_size=1), st.one_of(VALUES, st.lists(VALUES, max_size=3)), max_size=3
    ),
    st.sampled_from(["console", "json"]),
)
def test_no_field_can_stop_the_work(fields: dict[str, object], layout: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict", newline="")
    logs.configure("info", layout, stream)
    fields.pop("event", None)
    logs.get_logger("x").info("event", **{f"f{key}": value for key, value in fields.items()})
    assert stream.buffer.getvalue().count(b"\n") == 1


def test_a_stream_that_is_gone_does_not_stop_the_work() -> None:
    stream = io.StringIO()
    logs.configure("info", "auto", stream)
    stream.close()
    logs.get_logger("x").info("nobody hears")


def test_an_exception_is_a_line_and_at_debug_a_traceback() -> None:
    short, long = io.StringIO(), io.StringIO()
    logs.configure("info", "json", short)
    log_failure()
    entry = json.loads(short.getvalue())
    assert entry["error"] == "ValueError: no such thing"
    assert entry["level"] == "error"
    assert "Traceback" not in short.getvalue()

    logs.configure("debug", "json", long)
    log_failure()
    entry = json.loads(long.getvalue())
    assert entry["exception"].startswith("Traceback")
    assert entry["exception"].endswith("ValueError: no such thing")


def test_on_a_terminal_a_traceback_is_as_python_prints_it() -> None:
    stream = Terminal()
    logs.configure("debug", "auto", stream)
    log_failure()
    assert "\nTraceback (most recent call last):\n  File " in stream.getvalue()


def test_what_libraries_warn_of_goes_the_same_way() -> None:
    # pytest's own handlers take a message whose arguments do not fit for a failed test.
    logging.getLogger().handlers.clear()
    stream = io.StringIO()
    logs.configure("debug", "json", stream)
    library = logging.getLogger("some.library")
    library.info("not shown")
    library.warning("odd %s", "thing")
    library.log(35, "worse")
    library.error("too few: %s %s", "one")
    warnings.showwarning("old", UserWarning, "file.py", 3)
    entries = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(entry["logger"], entry["level"], entry["event"]) for entry in entries] == [
        ("some.library", "warning", "odd thing"),
        ("some.library", "warning", "worse"),
        ("some.library", "error", "too few: %s %s"),
        ("py.warnings", "warning", "file.py:3: UserWarning: old"),
    ]


def test_at_level_error_libraries_may_not_warn_either() -> None:
    stream = io.StringIO()
    logs.configure("error", "json", stream)
    logging.getLogger("some.library").warning("not shown")
    assert not stream.getvalue()


def test_configuring_twice_does_not_log_twice() -> None:
    first, second = io.StringIO(), io.StringIO()
    logs.configure("info", "json", first)
    logs.configure("info", "json", second)
    logging.getLogger("some.library").warning("odd")
    logs.get_logger("x").info("hello")
    assert not first.getvalue()
    assert len(second.getvalue().splitlines()) == 2


def test_without_a_stream_it_is_stderr_as_it_is_at_the_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.configure("info", "json")
    logs.get_logger("x").info("to the first")
    later = io.StringIO()
    monkeypatch.setattr(sys, "stderr", later)
    logs.get_logger("x").info("to the second")
    captured = capsys.readouterr()
    assert "to the first" in captured.err
    assert not captured.out
    assert "to the second" in later.getvalue()


@pytest.mark.parametrize("layout", ["console", "json"])
def test_each_line_for_the_journal_tells_its_level(
    layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    with path.open("w") as stream:
        status = path.stat()
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        logs.configure("debug", layout, stream)
        logs.get_logger("x").debug("small")
        logs.get_logger("x").warning("odd")
        log_failure()
    lines = path.read_text().splitlines()
    assert [line[:3] for line in lines[:2]] == ["<7>", "<4>"]
    assert {line[:3] for line in lines[2:]} == {"<3>"}


def test_a_journal_that_is_not_this_stream_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    path = tmp_path / "file"
    with path.open("w") as stream:
        logs.configure("info", "auto", stream)
        logs.get_logger("x").info("hello")
    assert path.read_text().startswith("{")


def test_importing_the_module_does_not_import_structlog() -> None:
    code = "import sys, photond.logs; sys.exit('structlog' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
