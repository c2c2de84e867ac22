"""The commands that talk to the daemon: the real command, and a daemon's real socket."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pexpect
import pytest

from photond.config.fingerprint import fingerprint
from photond.config.settings import Settings
from photond.daemon import protocol
from photond.daemon.protocol import Found
from photond.daemon.searching import DaemonSearches
from photond.daemon.server import Server
from photond.daemon.status import DaemonStatus, RootStatus
from tests.conftest import SAMPLES, TYPER, Command, make_command
from tests.daemon.stand_in import StandIn


class Daemon(StandIn):
    """A daemon without work, which says that it has some."""

    def __init__(self, command: Command) -> None:
        super().__init__()
        self.database = command.database
        self.waiting = 0

    def status(self) -> DaemonStatus:
        self.waiting -= 1
        return DaemonStatus(
            pid=4711,
            started_at="2024-01-01T00:00:00+00:00",
            database=str(self.database),
            state="indexing",
            doing=f"indexing, {abs(self.waiting)} done",
            rate=2.5,
            seconds_left=4000.0,
            paused_by=("battery",),
            roots=(
                RootStatus(path="/plain", watch="events"),
                RootStatus(path="/big\n", watch="polling", detail="run sysctl"),
            ),
        )


class NotedSearches:
    """The daemon's searches, which are noted."""

    def __init__(self, daemon: Daemon, configuration: str | None) -> None:
        self._asked = daemon.asked
        self._searches = DaemonSearches(Settings(), configuration, daemon.database)

    def query(self, request: protocol.QueryRequest) -> Found:
        self._asked.append(request)
        return self._searches.query(request)

    @property
    def trouble(self) -> str:
        return self._searches.trouble


def serve(command: Command) -> tuple[Daemon, Server]:
    run = Path(command.environ["XDG_RUNTIME_DIR"])
    run.mkdir(exist_ok=True)
    daemon = Daemon(command)
    with mock.patch.dict(os.environ, command.environ, clear=True):
        searches = NotedSearches(daemon, fingerprint())
    return daemon, Server(daemon, searches, run / "photond" / "photond.sock")


@pytest.fixture
def daemon(photond: Command) -> Iterator[Daemon]:
    """A daemon for the command's own home."""
    daemon, server = serve(photond)
    with server:
        yield daemon


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> Iterator[tuple[Command, Daemon]]:
    """The command with four samples indexed, and a daemon that keeps them."""
    command = make_command(tmp_path_factory.mktemp("kept") / "home")
    command("index", *(SAMPLES / f"{name}.jpg" for name in ("cat", "coffee", "moon", "rocket")))
    daemon, server = serve(command)
    with server:
        yield command, daemon


ALONE = {"XDG_RUNTIME_DIR": "/nowhere"}


@pytest.mark.parametrize("command", ["pause", "resume", "rescan"])
def test_without_a_daemon_it_is_said_and_done_with(photond, command) -> None:
    run = photond(command, code=1)
    assert run.stderr.startswith("photond: no photond daemon is running. ")
    assert run.stdout == ""


def test_the_daemon_is_told_to_pause_and_to_go_on(photond, daemon) -> None:
    assert "is paused" in photond("pause").stdout
    assert "goes on" in photond("resume").stdout
    assert daemon.asked == ["pause", "resume"]


def test_folders_are_named_to_the_daemon_by_their_absolute_paths(photond, daemon) -> None:
    photond("rescan", "here", "/there/../other")
    photond("rescan")
    here = str(photond.home / "here")
    assert daemon.asked == [("rescan", (here, "/other")), ("rescan", ())]


def test_the_daemon_tries_photos_again_at_once(photond, daemon, photos) -> None:
    bad = os.fsdecode(os.path.join(os.fsencode(photos), b"a\xff.jpg"))  # noqa: PTH118
    for name in (bad, photos / "b.jpg"):
        Path(name).write_bytes(b"no photo")
    photond("index", photos, code=1, **ALONE)
    assert "1 photo is tried again now" in photond("retry", bad).stdout
    assert "2 photos are tried again now" in photond("retry").stdout
    assert daemon.asked == [("retry", (bad,)), ("retry", ())]


def test_the_daemon_is_not_told_to_try_again_where_nothing_has_failed(
    photond, daemon, photos, sample
) -> None:
    photo = sample("cat", photos / "a.jpg")
    photond("index", photos, **ALONE)
    assert photond("retry").stdout == "no photo has failed\n"
    assert photond("retry", photo, code=1).stdout == "no photo there has failed\n"
    assert daemon.asked == []
    assert re.search(r"mini, 1 embedding$", photond("status", **ALONE).stdout, re.MULTILINE)


def test_without_a_daemon_photos_are_tried_again_by_the_next_pass(photond, photos) -> None:
    for name in ("a", "b"):
        (photos / f"{name}.jpg").write_bytes(b"no photo")
    (photos / "deep").mkdir()
    (photos / "deep" / "c.jpg").write_bytes(b"no photo")
    assert photond("index", photos, "--json", code=1).json["failed"] == 3
    assert photond("index", photos, "--json", code=1).json["waiting"] == 0

    def waiting() -> int:
        return int(photond("status", "--json", code=1).json["waiting"])

    photond("retry", photos / "nothing.jpg", code=1)
    assert waiting() == 0
    assert "1 photo is tried again by the next" in photond("retry", photos / "a.jpg").stdout
    assert waiting() == 1
    assert "1 photo is tried" in photond("retry", photos / "deep").stdout
    assert "1 photo is tried" in photond("retry").stdout
    assert waiting() == 3
    assert photond("index", photos, "--json", code=1).json["failed"] == 3
    assert waiting() == 0


def test_a_daemon_for_another_index_is_not_told_about_the_failures_of_this_one(
    photond, daemon
) -> None:
    daemon.database = Path("/other/index.db")
    assert "there is no index" in photond("retry", code=5).stderr
    assert daemon.asked == []


def test_a_query_is_answered_by_the_daemon_as_the_command_answers_it(samples) -> None:
    photond, daemon = samples
    daemon.asked.clear()
    # fmt: off
    for arguments in (
        ["query", "a cup of coffee", "--json"],
        ["query", "cat", "-n", "2", "--in", str(SAMPLES), "--min-score", "0.1", "--json"],
        ["query", "cat", "--since", "1990", "--until", "2090-01", "--tag", "!rocket", "--paths"],
        ["similar", str(SAMPLES / "cat.jpg"), "--json"],
    ):
        by_daemon = photond(*arguments)
        assert by_daemon == photond(*arguments, **ALONE)
    # fmt: on
    assert len(daemon.asked) == 4


def test_a_query_that_the_daemon_answers_loads_typer_and_what_asks_it(samples) -> None:
    photond, daemon = samples
    daemon.asked.clear()
    imported = photond.imports("query", "cat", "--paths")
    assert len(daemon.asked) == 1
    assert {name.partition(".")[0] for name in imported} <= TYPER | {"photond", "platformdirs"}
    assert not imported & {"photond.config.settings", "photond.daemon.protocol", "photond.logs"}


def test_what_the_daemon_cannot_answer_is_answered_without_it(samples) -> None:
    photond, daemon = samples
    daemon.asked.clear()
    run = photond("query", "cat", "--since", "the day of days", code=2)
    assert "the day of days" in run.stderr
    run = photond("query", "cat", code=5, PHOTOND_DATABASE=str(photond.home / "other.db"))
    assert "other.db" in run.stderr
    run = photond("query", "cat", code=4, PHOTOND_MODEL_PACK="missing")
    assert "'missing'" in run.stderr
    run = photond("--config", "nowhere.toml", "query", "cat", code=3)
    assert "nowhere.toml: no such configuration file" in run.stderr


def test_other_settings_that_mean_the_same_index_are_answered_by_the_daemon_as_well(
    samples, tmp_path
) -> None:
    photond, daemon = samples
    daemon.asked.clear()
    photond("query", "cat")
    assert [(one.configuration is None, one.limit) for one in daemon.asked] == [(False, None)]
    daemon.asked.clear()
    run = photond("query", "cat", "--paths", PHOTOND_QUERY_LIMIT="3")
    assert len(run.stdout.splitlines()) == 3
    file = tmp_path / "other.toml"
    file.write_text("[query]\nlimit = 2\n")
    run = photond("query", "cat", "--paths", PHOTOND_CONFIG=str(file))
    assert len(run.stdout.splitlines()) == 2
    assert [(one.configuration is None, one.limit) for one in daemon.asked] == [
        *((False, None), (True, 3)),
        *((False, None), (True, 2)),
    ]


def test_status_shows_what_the_daemon_does(samples) -> None:
    photond, _ = samples
    shown = photond("status").stdout
    assert re.search(r"^daemon    indexing, \d+ done \(process 4711\)$", shown, re.MULTILINE)
    assert "rate      2.5 photos/s, 1 h 7 min left" in shown
    assert "paused by battery" in shown
    assert r"watching  /big\n, looked at every so often: run sysctl" in shown
    assert "/plain" not in shown
    status = photond("status", "--json").json
    assert status["daemon"]["state"] == "indexing"
    assert photond("status", "--json", **ALONE).json["daemon"] is None


def test_status_says_when_the_daemon_keeps_another_index(samples) -> None:
    photond, daemon = samples
    daemon.database = Path("/other/index.db")
    try:
        assert "keeps another index, /other/index.db" in photond("status").stdout
    finally:
        daemon.database = photond.database


def test_the_live_view_goes_on_until_it_is_interrupted(samples) -> None:
    photond, _ = samples
    assert "needs a terminal" in photond("status", "--watch", code=2).stderr
    argv = photond.argv("status", "--watch")
    terminal = pexpect.spawn(
        argv[0], argv[1:], env=photond.environ | {"TERM": "xterm"}, timeout=60, dimensions=(40, 120)
    )
    terminal.expect(r"indexing, (\d+) done")
    first = int(terminal.match[1])
    terminal.expect(rf"indexing, {first + 1} done")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_the_status_shows_why_searches_are_slower_than_they_could_be(
    photond, indexed_samples
) -> None:
    run = Path(photond.environ["XDG_RUNTIME_DIR"])
    run.mkdir(exist_ok=True)
    daemon = Daemon(indexed_samples)
    daemon.trouble = "the vectors cannot be copied: No space left on device"
    with Server(daemon, daemon, run / "photond" / "photond.sock"):
        shown = photond("status", PHOTOND_DATABASE=str(indexed_samples.database)).stdout
    assert f"searches  slower than they could be: {daemon.trouble}\n" in shown
