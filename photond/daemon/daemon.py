"""The daemon: what `photond run` does, from its start to its end."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from structlog import get_logger

from photond.config.settings import Settings
from photond.daemon.control import Command, Control
from photond.daemon.keeper import Keeper
from photond.daemon.pacer import Pacer
from photond.daemon.power import Power
from photond.daemon.status import DaemonStatus, Rate, RootStatus, State
from photond.daemon.surroundings import Surroundings
from photond.daemon.wake import Sleeper, Woken
from photond.daemon.worker import LazyEngine
from photond.errors import IndexUnavailableError, PhotondError
from photond.models.pack import Pack
from photond.pipeline.inputs import rules_of
from photond.store import jobs
from photond.store.clock import now as utc_now
from photond.store.database import Connection, explained, transaction
from photond.vocabulary.concepts import Vocabulary

log = get_logger(__name__)

_PUBLISH_SECONDS = 2.0
_REPORT_SECONDS = 60.0
_TROUBLE_SECONDS = (1.0, 5.0, 15.0, 60.0)


@dataclass(frozen=True, slots=True)
class Setup:
    """What the user's configuration comes to.

    Attributes:
        settings: The settings.
        configuration: Their fingerprint, taken before they were read; None if that is not known.
        pack: The pack that they name.
        vocabulary: What photos are tagged with.
    """

    settings: Settings
    configuration: str | None
    pack: Pack
    vocabulary: Vocabulary


class Daemon:
    """Keeps an index up to date with the configured folders, until it is told to end.

    One thread, the caller's, writes to the index, and does so in short steps; the kernel's events, the
    workers' outcomes and what others ask of `control` are taken up between them.

    Args:
        connection: The index, which no other process indexes into.
        database: Its file.
        load: Reads the configuration.
        surroundings: Told how the daemon fares, and asked when it wants to be told again.
        power: Knows what the machine runs on.
    """

    def __init__(
        self,
        connection: Connection,
        database: Path,
        load: Callable[[], Setup],
        surroundings: Surroundings,
        power: Power,
    ) -> None:
        self._connection = connection
        self._database = database
        self._load = load
        self._surroundings = surroundings
        self._power = power
        self._sleeper = Sleeper()
        status = DaemonStatus(os.getpid(), utc_now(), str(database))
        self.control = Control(self._sleeper.wake, status)
        self._rate = Rate()
        self._published_at = self._reported_at = float("-inf")
        self._troubles = 0
        self._commands = 0
        self._done_before = (0, 0)

    def run(self) -> None:
        """Work until `control.stop()` is called.

        Raises:
            ConfigError: The configuration is wrong, at the start.
            ModelError: The model pack is damaged, at the start.
            IndexDatabaseError: The index is damaged.
        """
        with explained(self._database):
            jobs.recover(self._connection)
            self._begin(self._load())
        self._surroundings.ready()
        try:
            while not self.control.is_stopping:
                try:
                    with explained(self._database):
                        self._turn()
                        self._troubles = 0
                except IndexUnavailableError as error:
                    self._bear(error)
        finally:
            self._end()

    def _begin(self, setup: Setup) -> None:
        settings = setup.settings
        self._surroundings.settings_changed(settings, setup.configuration)
        self._pacer = Pacer(settings.power.on_battery, self._power)
        self._engine = LazyEngine(
            self._connection, self._database, setup.pack, setup.vocabulary, settings
        )
        self._keeper = Keeper(
            self._connection,
            self._engine.pack_id,
            rules_of(settings),
            [str(path) for path in settings.folder_paths()],
            settings.watch,
            self.control.hint,
            lambda: self._engine.in_hand,
        )
        log.info("folders are kept", folders=list(self._keeper.roots), pack=setup.pack.name)

    def _turn(self) -> None:
        """Do some of what there is to do, or sleep until there is something."""
        pulse = self._surroundings.pulse(self.control.status())
        for command in self.control.take_commands():
            self._obey(command)
            self._commands += 1
        for hint in self.control.take_hints():
            self._keeper.note(hint)
        has_more = self._keeper.step()
        began = time.monotonic()
        most = self._pacer.allowance(len(self._engine.in_hand))
        is_busy = self._engine.step(
            may_wait=not has_more,
            most=0 if self.control.paused_by else most,
            should_stop=self._is_to_stop,
        )
        if is_busy:
            self._pacer.worked(time.monotonic() - began)
        self._report(is_busy=is_busy)
        self._engine.rest()
        if has_more or is_busy:
            self._heed(self._sleeper.sleep(0))
        else:
            self._publish()
            self._heed(self._sleeper.sleep(self._seconds_to_sleep(pulse)))

    def _is_to_stop(self) -> bool:
        """Asked now and then while a step takes long, as when a large library is tagged anew.

        It is a sign of life, too: systemd must not take the daemon for dead then.
        """
        self._surroundings.pulse(self.control.status())
        return self.control.is_stopping

    def _seconds_to_sleep(self, pulse: float | None) -> float | None:
        now = time.monotonic()
        times = [self._keeper.next_at, self._engine.unload_at, self._engine.retry_at]
        if self.control.status().waiting and not self.control.paused_by:
            times.append(self._pacer.next_at)
        spans = [max(0.0, at - now) for at in times if at is not None]
        return min(spans if pulse is None else [*spans, pulse], default=None)

    def _heed(self, woken: Woken) -> None:
        if woken.mounts_changed:
            self._keeper.mounts_changed()
        if woken.slept_seconds:
            log.info("the machine was suspended", seconds=round(woken.slept_seconds))
        if woken.slept_seconds or woken.clock_set:
            self._keeper.rescan()

    def _obey(self, command: Command) -> None:
        match command.kind:
            case "rescan":
                self._keeper.rescan(command.paths)
            case "retry":
                with transaction(self._connection):
                    for path in command.paths or ("/",):
                        jobs.retry_failed(self._connection, path)
            case "reload":
                self._reload()

    def _reload(self) -> None:
        self._surroundings.reloading()
        try:
            setup = self._load()
            rules_of(setup.settings)
            setup.settings.folder_paths()
            setup.pack.verify(setup.pack.image)
        except PhotondError as error:
            log.warning("the configuration stays as it was", reason=str(error))
        else:
            self._take_over(setup)
        self._surroundings.ready()

    def _take_over(self, setup: Setup) -> None:
        if setup.settings.database_path() != self._database:
            log.warning("another index takes a restart", database=str(self._database))
        self._keeper.close()
        self._engine.close()
        self._done_before = self._counts()
        self._begin(setup)

    def _bear(self, error: IndexUnavailableError) -> None:
        """Wait until the index can be written to again; what was lost is found by a scan."""
        seconds = _TROUBLE_SECONDS[min(self._troubles, len(_TROUBLE_SECONDS) - 1)]
        if not self._troubles:
            log.warning("waiting", reason=str(error))
        self._troubles += 1
        status = self.control.status()
        self.control.publish(replace(status, state="waiting", doing=str(error)))
        end = time.monotonic() + seconds
        while not self.control.is_stopping and (left := end - time.monotonic()) > 0:
            self._sleeper.sleep(left)
        self._keeper.doubt()

    def _end(self) -> None:
        status = self.control.status()
        self.control.publish(replace(status, state="stopping", doing="stopping"))
        self._surroundings.stopping()
        self._keeper.close()
        try:
            with explained(self._database):
                self._engine.close()
        except IndexUnavailableError as error:
            log.warning("what was in hand is read again the next time", reason=str(error))
        done, failed = self._counts()
        log.info("ended", done=done, failed=failed)

    def _counts(self) -> tuple[int, int]:
        done, failed = self._engine.counts
        return self._done_before[0] + done, self._done_before[1] + failed

    def _report(self, *, is_busy: bool) -> None:
        """Tell the journal and whoever asks how far it is, every so often."""
        now = time.monotonic()
        if not is_busy:
            self._rate.clear()
        if now - self._published_at < _PUBLISH_SECONDS:
            return
        if is_busy:
            self._rate.note(self._counts()[0], now)
        self._publish()
        status = self.control.status()
        if status.state == "indexing" and now - self._reported_at >= _REPORT_SECONDS:
            self._reported_at = now
            log.info(
                "indexing",
                done=status.done,
                waiting=status.waiting,
                failed=status.failed,
                rate=status.rate and round(status.rate, 1),
                seconds_left=status.seconds_left and round(status.seconds_left),
            )

    def _publish(self) -> None:
        self._published_at = time.monotonic()
        waiting = jobs.count_waiting(self._connection)
        done, failed = self._counts()
        rate = self._rate.value
        state, doing = self._state(waiting)
        before = self.control.status()
        if before.state == "indexing" and state == "idle":
            log.info("up to date", done=done, failed=failed)
            self._reported_at = float("-inf")
        self.control.publish(
            replace(
                before,
                state=state,
                doing=doing,
                waiting=waiting,
                settling=self._keeper.settling,
                commands=self._commands,
                done=done,
                failed=failed,
                rate=rate,
                seconds_left=waiting / rate if rate else None,
                paused_by=self.control.paused_by,
                loaded=self._engine.is_loaded,
                roots=tuple(
                    RootStatus(
                        root.path,
                        root.watch,
                        root.detail,
                        jobs.count_waiting(self._connection, root.path) if waiting else 0,
                        root.scanned_at,
                    )
                    for root in self._keeper.roots.values()
                ),
            )
        )

    def _state(self, waiting: int) -> tuple[State, str]:
        if self.control.paused_by:
            return "paused", f"paused by {', '.join(self.control.paused_by)}"
        if waiting and self._pacer.is_paused:
            return "paused", f"on battery, {waiting:,} photos wait for power"
        if self._engine.trouble:
            return "waiting", self._engine.trouble
        if waiting:
            slowly = " slowly, on battery" if self._pacer.is_slow else ""
            return "indexing", f"reading photos{slowly}, {waiting:,} are waiting"
        if self._keeper.is_scanning:
            return "scanning", "comparing folders with the index"
        return "idle", "everything is up to date"
