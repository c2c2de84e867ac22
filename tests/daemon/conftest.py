"""The real daemon, in a process of its own, on a home of its own."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Command

# Users have two seconds; tests have not.
SETTLE_SECONDS = 0.5


class RunningDaemon:
    """`photond run`, and a look at what it makes of its folders."""

    def __init__(
        self,
        photond: Command,
        folders: list[Path],
        until: str,
        arguments: Sequence[str | os.PathLike[str]],
        **environ: str,
    ) -> None:
        self.arguments = arguments
        self.photond = photond
        self.log = photond.home / "daemon.log"
        self.environ = photond.environ | {
            "PHOTOND_WATCH_SETTLE_SECONDS": str(SETTLE_SECONDS),
            **environ,
        }
        if folders:
            self.environ["PHOTOND_FOLDERS"] = os.pathsep.join(map(str, folders))
        self.start(until)

    def start(self, until: str = "folders are kept") -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.photond.argv(*self.arguments), env=self.environ, stderr=log, stdout=log
            )
        self.wait_for_log(until)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def wait_for_log(self, text: str, seconds: float = 60) -> None:
        self.wait(lambda: text in self.said, seconds, text)

    def rows(self, query: str) -> list[tuple]:
        if not self.photond.database.exists():
            return []
        with closing(sqlite3.connect(self.photond.database, timeout=30)) as connection:
            try:
                return connection.execute(query).fetchall()
            except sqlite3.OperationalError:
                return []  # it is just being made

    def present(self) -> set[str]:
        """The paths of the photos that are read and there, and that nothing is to be done about."""
        return {
            path
            for (path,) in self.rows(
                """
                select folders.path || '/' || name from files
                join folders on folders.id = folder_id left join jobs on jobs.file_id = files.id
                where files.state = 'present' and content_id is not null and jobs.file_id is null
                """
            )
        }

    def wait_for(self, *paths: Path, seconds: float = 60) -> None:
        """Wait until exactly these photos are indexed."""
        expected = {str(path) for path in paths}
        self.wait(lambda: self.present() == expected, seconds, f"{expected}")

    def wait(self, condition: Callable[[], bool], seconds: float = 60, what: str = "") -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"it ended: {self.said}"
            assert time.monotonic() < end, f"not {what} but {self.present()}: {self.said}"
            time.sleep(0.05)

    @property
    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        return self.photond("status", "--json", code=None).json["daemon"]

    @property
    def embedded(self) -> int:
        """How many photos a model has looked at, those that are gone included."""
        return self.rows("select count(*) from embeddings_1_rowids")[0][0]


@pytest.fixture
def daemon(photond: Command) -> Iterator[Callable[..., RunningDaemon]]:
    """Starts daemons: `daemon(folder)`; without any folder, those of the configuration file are kept.

    It is there when its log has `until`.
    """
    started: list[RunningDaemon] = []

    def start(
        *folders: Path,
        until: str = "folders are kept",
        arguments: Sequence[str | os.PathLike[str]] = ("run",),
        **environ: str,
    ) -> RunningDaemon:
        started.append(RunningDaemon(photond, list(folders), until, arguments, **environ))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()
        assert "Traceback" not in one.said
        assert "unexpected" not in one.said
