"""The daemon: what `photond run` does, from its start to its end."""

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from photond.daemon.aside import Aside
from photond.daemon.control import Command, Control
from photond.daemon.keeper import Keeper
from photond.daemon.pacer import Pacer
from photond.daemon.passes import Pass
from photond.daemon.patience import trouble_seconds
from photond.daemon.power import Power
from photond.daemon.reloads import Reloads
from photond.daemon.setup import Setup
from photond.daemon.status import DaemonStatus, Rate, RootStatus, State
from photond.daemon.surroundings import Surroundings
from photond.daemon.wake import Sleeper, Woken
from photond.daemon.worker import LazyEngine
from photond.errors import IndexUnavailableError, PhotondError
from photond.logs import get_logger
from photond.pipeline.inputs import rules_of
from photond.pipeline.let_go import let_go
from photond.store import jobs
from photond.store.clock import now as utc_now
from photond.store.database import Connection, explained, transaction
from photond.store.kept import kept_folders, set_kept_folders

log = get_logger(__name__)

_PUBLISH_SECONDS = 2.0
_REPORT_SECONDS = 60.0
# How often it is seen whether another process still indexes.
_TURN_SECONDS = 2.0


class Daemon:
    """Keeps an index up to date with the configured folders, until it is told to end.

    One thread, the caller's, writes to the index, and does so in short steps; the kernel's events, the
    workers' outcomes and what others ask of `control` are taken up between them.

    Args:
        connection: The index, which no other process indexes into.
        database: Its file.
        load: Reads the configuration; called on another thread, and may take its time.
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
        self._pass: Pass | None = None
        self._results_before: Counter[str] = Counter()
        self._reloads = Reloads(self._fresh_setup, self._sleeper.wake)

    def wait_for_its_turn(self, take: Callable[[], str | None]) -> bool:
        """Wait while another process makes a pass, and answer whoever asks meanwhile.

        Args:
            take: Takes the lock, or says which process has it.

        Returns:
            Whether the daemon may run; not if it was told to end before.
        """
        was_said = False
        while not self.control.is_stopping:
            holder = take()
            if holder is None:
                return True
            doing = f"waiting until another photond (process {holder}) has finished indexing"
            status = replace(self.control.status(), state="waiting", doing=doing)
            self.control.publish(status)
            pulse = self._surroundings.pulse(status)
            if not was_said:
                was_said = True
                log.info("waiting", reason=doing)
                # Started, for systemd: the pass may take longer than a start is given.
                self._surroundings.ready()
            self._sleeper.sleep(_TURN_SECONDS if pulse is None else min(pulse, _TURN_SECONDS))
        return False

    def run(self) -> None:
        """Work until `control.stop()` is called.

        Raises:
            ConfigError: The configuration is wrong, at the start.
            ModelError: The model pack is damaged, at the start.
            IndexDatabaseError: The index is damaged.
        """
        while not self._try_to_begin():
            if self.control.is_stopping:
                self._surroundings.stopping()
                return
        self._surroundings.ready()
        try:
            while not self.control.is_stopping:
                try:
                    with explained(self._database):
                        self._turn()
                        self._troubles = 0
                except IndexUnavailableError as error:
                    self._bear(error)
                    # What was lost is found by a scan.
                    self._keeper.doubt()
        finally:
            self._end()

    def _first_setup(self) -> Setup | None:
        """Read the configuration, and try a new pack out; None if the daemon was told to end."""
        loading = Aside(self._load, self._sleeper.wake)
        while not loading.is_done:
            if self.control.is_stopping:
                return None
            self._sleeper.sleep(self._surroundings.pulse(self.control.status()))
        return loading.result()

    def _try_to_begin(self) -> bool:
        """Begin; or wait a while because the index cannot be written to, or the daemon is to end."""
        try:
            with explained(self._database):
                jobs.recover(self._connection)
                setup = self._first_setup()
                if setup is not None:
                    self._begin(setup)
        except IndexUnavailableError as error:
            self._bear(error)
            return False
        self._troubles = 0
        return setup is not None

    def _begin(self, setup: Setup, end_former: Callable[[], None] = lambda: None) -> None:
        """Work by a setup from now on.

        Args:
            setup: The setup.
            end_former: Called as soon as nothing can go wrong any more; until then the one before holds.
        """
        settings = setup.settings
        roots = [str(path) for path in settings.folder_paths()]
        engine = LazyEngine(
            self._connection, self._database, setup.pack, setup.vocabulary, settings
        )
        self._let_go(roots, engine.pack_id)
        end_former()
        self._surroundings.settings_changed(settings, setup.configuration)
        self._pacer = Pacer(settings.power.on_battery, self._power)
        self._engine = engine
        self._keeper = Keeper(
            self._connection,
            engine.pack_id,
            rules_of(settings),
            roots,
            settings.watch,
            self.control.hint,
            lambda: self._engine.in_hand,
        )
        if self._pass is not None:
            self._keeper.make(self._pass)
        log.info("folders are kept", folders=roots, pack=setup.pack.name)

    def _let_go(self, roots: list[str], pack_id: int) -> None:
        """Take it that the folders that are no longer configured are not wanted any more."""
        before = kept_folders(self._database)
        if gone := let_go(self._connection, pack_id, before, roots):
            log.info("folders are not kept any more, their photos count as missing", folders=gone)
        if before != roots:
            set_kept_folders(self._database, roots)

    def _turn(self) -> None:
        """Do some of what there is to do, or sleep until there is something."""
        pulse = self._surroundings.pulse(self.control.status())
        for command in self.control.take_commands():
            self._obey(command)
        self._go_on_reloading()
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
                self._begin_pass(command)
                self._commands += 1
            case "retry":
                with transaction(self._connection):
                    for path in command.paths or ("/",):
                        jobs.retry_failed(self._connection, path)
                self._commands += 1
            case "reload":
                self._reloads.ask()

    def _begin_pass(self, command: Command) -> None:
        asked = set(command.paths or self._keeper.roots)
        if self._pass is not None and self._pass.asked:
            self._pass.number = command.number  # whoever asked first gets the counts of both
            self._pass.asked |= asked
        else:
            self._pass = Pass(command.number, asked, self._results())
        self._keeper.make(self._pass)

    def _go_on_reloading(self) -> None:
        """Take over what was read, and begin to read the configuration again if that was asked for."""
        if (read := self._reloads.finished) is not None:
            try:
                # If the index cannot be written to, this is tried again at the next turn.
                self._take_over(read.result())
            except PhotondError as error:
                log.warning("the configuration stays as it was", reason=str(error))
            self._commands += self._reloads.end()
            self._surroundings.ready()
        if self._reloads.begin():
            self._surroundings.reloading()

    def _fresh_setup(self) -> Setup:
        """The setup as it is configured now, with all that could be wrong with it looked at."""
        setup = self._load()
        rules_of(setup.settings)
        setup.settings.folder_paths()
        setup.pack.verify_once(setup.pack.image)
        return setup

    def _take_over(self, setup: Setup) -> None:
        if setup.settings.database_path() != self._database:
            log.warning("another index takes a restart", database=str(self._database))
        self._engine.close()
        results = self._results()
        self._begin(setup, self._keeper.close)
        self._results_before = results

    def _bear(self, error: IndexUnavailableError) -> None:
        """Wait a while, longer each time, for an index that cannot be written to."""
        seconds = trouble_seconds(self._troubles)
        if not self._troubles:
            log.warning("waiting", reason=str(error))
        self._troubles += 1
        status = self.control.status()
        self.control.publish(replace(status, state="waiting", doing=str(error)))
        end = time.monotonic() + seconds
        while not self.control.is_stopping and (left := end - time.monotonic()) > 0:
            self._sleeper.sleep(left)

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

    def _results(self) -> Counter[str]:
        return self._results_before + self._engine.results

    def _counts(self) -> tuple[int, int]:
        """How many photos were read since the start, and how many of those could not be."""
        results = self._results()
        done = results.total() - results["vanished"] - results["forgotten"]
        return done, results["failed"]

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
                rescan=None if self._pass is None else self._pass.status(self._results()),
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
