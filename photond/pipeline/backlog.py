"""Working off the jobs: from the index to the workers and back, a transaction a batch."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable

from structlog import get_logger

from photond.errors import PhotondError
from photond.pipeline.commit import Committer
from photond.pipeline.work import Failed, Outcome, Same, Task, Workers
from photond.store import jobs
from photond.store.database import transaction
from photond.store.jobs import Job

log = get_logger(__name__)

_TICK_SECONDS = 0.1
_COMMIT_SECONDS = 0.5
_COMMIT_PHOTOS = 64
# How long an interruption waits for photos that are nearly done.
_GRACE_SECONDS = 0.4
# Jobs in the workers' queue for each worker; they are rows of text, the photo is not read yet.
_AHEAD = 2


class Backlog:
    """The jobs that are waiting, and the means to work them off.

    Args:
        committer: Writes the outcomes.
        task: What the workers do.
        workers: How many there are.
    """

    def __init__(self, committer: Committer, task: Task, workers: int) -> None:
        self._committer = committer
        self._connection = committer.connection
        self._workers = Workers(task, workers)
        self._outcomes: list[Outcome] = []
        self._committed_at = time.monotonic()
        # Photos whose bytes are being worked on under another path, by hash.
        self._waiting: defaultdict[str, list[Same]] = defaultdict(list)
        self._bad_hashes: dict[str, Failed] = {}
        self.results: Counter[str] = Counter()

    def work_off(
        self,
        on_progress: Callable[[int, int], None],
        should_stop: Callable[[], bool],
        between: Callable[[], None] = lambda: None,
    ) -> None:
        """Take jobs in hand until none is waiting.

        Args:
            on_progress: Told how many photos are done and how many have failed.
            should_stop: Asked several times a second; what is finished then is committed, and what
                is not goes back among the waiting.
            between: Called several times a second, with no transaction open.
        """
        try:
            while not should_stop():
                self._take_in_hand()
                if not (self._workers.in_hand or self._outcomes or self._waiting):
                    return
                self._receive(_TICK_SECONDS)
                on_progress(self.results.total(), self.results["failed"])
                between()
            self._wind_down()
        except PhotondError:
            self._wind_down()  # what went wrong is no photo's fault
            raise
        finally:
            self._workers.stop()

    def _take_in_hand(self) -> None:
        in_hand = len(self._workers.in_hand)
        room = self._workers.count * (1 + _AHEAD) - in_hand
        claimed = jobs.claim(self._connection, room) if room > self._workers.count else []
        if not claimed and not in_hand and not self._outcomes:
            # A photo that may have ended the process before is tried with nothing beside it.
            suspect = jobs.claim_suspect(self._connection)
            claimed = [] if suspect is None else [suspect]
        for job in claimed:
            self._workers.give(job)

    def _receive(self, timeout: float) -> None:
        for outcome in self._workers.take(timeout):
            if isinstance(outcome, Same):
                self._waiting[outcome.sha256].append(outcome)
            else:
                self._outcomes.append(outcome)
        is_due = time.monotonic() - self._committed_at >= _COMMIT_SECONDS
        if is_due or len(self._outcomes) >= _COMMIT_PHOTOS or not self._workers.in_hand:
            self._commit()

    def _commit(self) -> None:
        self._write(self._outcomes)
        for outcome in self._outcomes:
            sha256 = getattr(outcome, "sha256", None)
            if sha256 is not None:
                if isinstance(outcome, Failed):
                    self._bad_hashes[sha256] = outcome
                self._workers.done_with(sha256)
        self._outcomes.clear()
        self._settle_copies()
        self._committed_at = time.monotonic()

    def _settle_copies(self) -> None:
        """Commit the copies of photos whose own outcome is known by now."""
        settled: list[Outcome] = []
        for sha256 in list(self._waiting):
            if sha256 in self._bad_hashes:
                bad = self._bad_hashes[sha256]
                settled += [
                    Failed(same.job, bad.failure, bad.reason, sha256)
                    for same in self._waiting.pop(sha256)
                ]
            elif self._committer.is_known(sha256):
                settled += self._waiting.pop(sha256)
        self._write(settled)

    def _write(self, outcomes: list[Outcome]) -> None:
        if not outcomes:
            return
        for outcome, result in zip(outcomes, self._committer.commit(outcomes), strict=True):
            self.results[result] += 1
            if isinstance(outcome, Failed) and outcome.reason != outcome.job.reason:
                log.warning("photo failed", path=outcome.job.path, reason=outcome.reason)

    def _wind_down(self) -> None:
        deadline = time.monotonic() + _GRACE_SECONDS
        while self._workers.in_hand and (left := deadline - time.monotonic()) > 0:
            self._receive(left)
        self._commit()
        abandoned: list[Job] = self._workers.in_hand
        copies = [same.job for waiting in self._waiting.values() for same in waiting]
        with transaction(self._connection):
            jobs.release(self._connection, (job.file_id for job in [*abandoned, *copies]))
