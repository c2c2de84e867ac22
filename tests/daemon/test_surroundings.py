"""What the daemon's loop tells systemd and does for those who search."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from photond.config.settings import ModelSettings, Settings
from photond.daemon.notify import Notifier
from photond.daemon.status import DaemonStatus
from photond.daemon.surroundings import Surroundings

STATUS = DaemonStatus(1, "2024-06-01T12:00:00+00:00", "/index.db")


class Searches:
    """Stands for the searches of a daemon: a model that was used at a moment."""

    def __init__(self) -> None:
        self.unused_at: float | None = None
        self.unloads: list[float] = []
        self.settings: Settings | None = None

    def use(self, settings: Settings, configuration: str | None) -> None:
        self.settings, self.configuration = settings, configuration

    def unload_unused(self, seconds: float) -> bool:
        self.unloads.append(seconds)
        return False


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(0)
        yield listener


def heard(systemd: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(systemd.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_each_turn_feeds_the_watchdog_when_it_is_due(systemd, monkeypatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    environ = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "120000000"}
    surroundings = Surroundings(Notifier(environ), Searches())
    assert surroundings.pulse(STATUS) == 60
    assert heard(systemd) == ["STATUS=starting", "WATCHDOG=1"]
    now[0] += 10
    assert surroundings.pulse(STATUS) == 50
    assert heard(systemd) == []
    now[0] += 30
    surroundings.pulse(STATUS)
    assert heard(systemd) == ["WATCHDOG=1"]


def test_without_systemd_and_searches_nothing_has_to_be_done() -> None:
    surroundings = Surroundings(Notifier({}), Searches())
    surroundings.settings_changed(Settings(model=ModelSettings(idle_unload_seconds=300)), None)
    assert surroundings.pulse(STATUS) is None


def test_a_model_that_searches_have_loaded_is_let_go_in_time(monkeypatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    searches = Searches()
    surroundings = Surroundings(Notifier({}), searches)
    settings = Settings(model=ModelSettings(idle_unload_seconds=300))
    surroundings.settings_changed(settings, "as it is")
    assert (searches.settings, searches.configuration) == (settings, "as it is")
    searches.unused_at = 900.0
    assert surroundings.pulse(STATUS) == 200
    now[0] = 1_300.0
    assert surroundings.pulse(STATUS) == 0
    assert searches.unloads == [300, 300]


def test_systemd_hears_of_the_start_of_reloading_and_of_the_end(systemd) -> None:
    surroundings = Surroundings(Notifier({"NOTIFY_SOCKET": systemd.getsockname()}), Searches())
    surroundings.ready()
    surroundings.reloading()
    surroundings.ready()
    surroundings.stopping()
    ready, reloading, again, stopping = heard(systemd)
    assert (ready, again, stopping) == ("READY=1", "READY=1", "STOPPING=1")
    assert reloading.startswith("RELOADING=1\nMONOTONIC_USEC=")
