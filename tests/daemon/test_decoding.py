"""`photond run` and `photond index`, with decoders that hostile photos take over.

Python imports a module of the test's own into each decoder process, and there a photo that ends in a
word has that done which the word says.
"""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bench.tree import members
from tests.conftest import SAMPLES, Command
from tests.daemon.conftest import RunningDaemon

_TAKEN_OVER = """
import sys
if "photond.imaging.child" in sys.orig_argv:
    import ctypes, os, time
    from PIL import Image
    good = Image.open

    def waits():
        while not os.path.exists(os.path.join(os.path.dirname(__file__), "go")):
            time.sleep(0.02)

    deeds = {
        b"crashes": lambda: ctypes.string_at(0),
        b"grows": lambda: [bytes(2**28) for _ in range(2**20)],
        b"hangs": lambda: time.sleep(600),
        b"waits": waits,
    }

    def open(file, *arguments, **more):
        file.seek(-10, os.SEEK_END)
        end = file.read()
        file.seek(0)
        for word, deed in deeds.items():
            if end.endswith(word):
                deed()
        return good(file, *arguments, **more)

    Image.open = open
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A folder of modules that decoders import, with a file `go` when those that wait are to go on."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_TAKEN_OVER)
    return folder


@pytest.fixture
def environ(modules: Path) -> dict[str, str]:
    path = os.pathsep.join([str(modules), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    return {"PYTHONPATH": path.rstrip(os.pathsep)}


def hostile(word: str, file: Path) -> Path:
    """A photo of which a decoder that is taken over does something else."""
    file.write_bytes((SAMPLES / "astronaut.jpg").read_bytes() + word.encode())
    return file


def decoders(pid: int) -> set[int]:
    """The decoder processes of a process."""
    return {
        one
        for one in members(pid)
        if b"photond.imaging.child" in Path(f"/proc/{one}/cmdline").read_bytes()
    }


def is_there(pid: int) -> bool:
    """Whether a process is there, and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def reasons(photond: Command) -> dict[str, str]:
    failed = photond("status", "--json", code=None).json["failed"]
    assert not [one for one in failed if one["quarantined"]]
    return {Path(one["path"]).name: one["reason"] for one in failed}


def waiting_decoder(running: RunningDaemon) -> int:
    """The one decoder, when it is confined and has its photo."""
    running.wait(lambda: decoders(running.process.pid), what="a decoder")
    (decoder,) = decoders(running.process.pid)
    status = Path(f"/proc/{decoder}/status")
    running.wait(lambda: "Seccomp:\t2" in status.read_text(), what="a confined one")
    return decoder


def test_a_crash_a_hang_and_a_hunger_cost_a_photo_each_and_the_daemon_lives(
    daemon, photos, sample, photond, environ
) -> None:
    good = [sample(name, photos / f"{name}.jpg") for name in ("cat", "coffee", "rocket")]
    for word in ("crashes", "grows", "hangs"):
        hostile(word, photos / f"{word}.jpg")
    limits = {"PHOTOND_INDEX_MAX_SECONDS": "5", "PHOTOND_INDEX_MAX_MEGAPIXELS": "5"}
    running = daemon(photos, **environ, **limits)
    expected = {
        "crashes.jpg": "the decoder crashed (SIGSEGV)",
        "grows.jpg": "decoding needs more than 3,641 MB (index.max_megapixels)",
        "hangs.jpg": "decoding took more than 5 s",
    }
    running.wait(lambda: running.said.count("photo failed") == len(expected), what="three failed")
    running.wait_for(*good)
    assert reasons(photond) == expected
    stored = (
        "select name, reason from jobs join files on files.id = file_id where jobs.state = 'failed'"
    )
    assert dict(running.rows(stored)) == expected
    for name, reason in expected.items():
        lines = [line for line in running.said.splitlines() if name in line and reason in line]
        assert len(lines) == 1
    late = sample("moon", photos / "late.jpg")
    running.wait_for(*good, late)


def test_a_decoder_that_is_killed_from_outside_is_replaced_and_the_photo_indexed(
    daemon, photos, modules, environ
) -> None:
    photo = hostile("waits", photos / "a.jpg")
    running = daemon(photos, **environ)
    first = waiting_decoder(running)
    os.kill(first, signal.SIGKILL)
    running.wait(lambda: decoders(running.process.pid) - {first}, what="another decoder")
    (modules / "go").touch()
    running.wait_for(photo)
    assert "photo failed" not in running.said


def test_no_decoder_outlives_a_daemon_that_is_killed(daemon, photos, environ) -> None:
    hostile("waits", photos / "a.jpg")
    running = daemon(photos, **environ)
    decoder = waiting_decoder(running)
    running.stop(signal.SIGKILL)
    wait_until(lambda: not is_there(decoder))


def test_ctrl_c_ends_a_pass_at_once_with_a_photo_in_hand_and_its_decoder(
    photond, photos, modules, environ
) -> None:
    waiting = hostile("waits", photos / "a.jpg")
    process = subprocess.Popen(
        photond.argv("index", photos, "--json"),
        env=photond.environ | environ,
        stdout=subprocess.DEVNULL,
        process_group=0,
    )
    wait_until(lambda: decoders(process.pid))
    decoder = decoders(process.pid).pop()
    # As a terminal does it: to everybody in the foreground.
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 130
    wait_until(lambda: not is_there(decoder))
    (modules / "go").touch()
    summary = photond("index", photos, "--json", **environ).json
    assert (summary["new"], waiting.exists()) == (1, True)


def test_what_is_known_starts_no_decoder(photond, photos, sample, modules) -> None:
    sample("cat", photos / "cat.jpg")
    photond("index", photos)
    (modules / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'photond.imaging.child' in sys.orig_argv: os.write(2, b'started'); os._exit(1)\n"
    )
    sample("cat", photos / "copy.jpg")
    (photos / "cat.jpg").rename(photos / "moved.jpg")
    path = {"PYTHONPATH": f"{modules}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    known = photond("index", photos, "--json", **path)
    assert known.json["failed"] == 0
    assert "started" not in known.stderr
    # And that it would have been seen.
    sample("coffee", photos / "coffee.jpg")
    assert "started" in photond("index", photos, code=1, **path).stderr


def test_a_photo_is_shown_and_hashed_where_it_can_do_no_harm_either(
    photond, photos, sample, environ
) -> None:
    sample("rocket", photos / "rocket.jpg")
    hostile("crashes", photos / "evil.jpg")
    photond("index", photos)  # as long as its deed is not known
    with closing(sqlite3.connect(photond.database)) as connection, connection:
        connection.execute("update contents set perceptual_hash = null")
    sheet = photond.home / "sheet.html"
    photond("query", "an astronaut", "--sheet", sheet, **environ)
    page = sheet.read_text("utf-8")
    assert (page.count("data:image/webp"), page.count("cannot be read")) == (1, 1)
    photond("duplicates", code=None, **environ)
    with closing(sqlite3.connect(photond.database)) as connection:
        stored = "select name from files join contents on contents.id = content_id"
        rows = connection.execute(f"{stored} where perceptual_hash is not null").fetchall()
    assert rows == [("rocket.jpg",)]
