"""Working off the jobs: from the index to the workers and back, a transaction a batch."""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from photond.logs import get_logger
from photond.pipeline.commit import Committer
from photond.pipeline.work import Failed, Outcome, Same, Task, Workers
from photond.store import jobs
from photond.store.database import transaction
from photond.store.jobs import Job

log = get_logger(__name__)

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
        self._has_suspect = False
        self.results: Counter[str] = Counter()

    @property
    def in_hand(self) -> Collection[int]:
        """The ids of the files that are being read, or whose outcome is not committed yet."""
        waiting = (same for together in self._waiting.values() for same in together)
        return {
            *(job.file_id for job in self._workers.in_hand),
            *(outcome.job.file_id for outcome in (*self._outcomes, *waiting)),
        }

    def step(self, timeout: float, *, most: int | None = None) -> bool:
        """Take jobs in hand, and commit what is finished.

        Args:
            timeout: How long to wait for an outcome, in seconds.
            most: How many jobs may be in hand, none at all for 0; None for what keeps all workers busy.

        Returns:
            Whether anything is in hand or waiting to be committed.
        """
        self._take_in_hand(self._workers.capacity * (1 + _AHEAD) if most is None else most)
        if not self._workers.in_hand and not self._outcomes and not self._waiting:
            self._bad_hashes.clear()
            return False
        self._receive(timeout)
        return True

    def _take_in_hand(self, most: int) -> None:
        in_hand = len(self._workers.in_hand)
        room = most - in_hand
        if room <= 0 or (in_hand and self._has_suspect):
            return
        # Several at a time: each claim is a transaction.
        is_low = in_hand < self._workers.capacity * _AHEAD
        claimed = jobs.claim(self._connection, room) if is_low else []
        if not claimed and not in_hand and not self._outcomes:
            # A photo that may have ended the process before is tried with nothing beside it.
            suspect = jobs.claim_suspect(self._connection)
            claimed = [] if suspect is None else [suspect]
            self._has_suspect = suspect is not None
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

    def give_up(self) -> None:
        """Put everything in hand back among the waiting, after what is finished soon was committed."""
        try:
            self._wind_down()
        finally:
            self.stop()

    def stop(self) -> None:
        """Let the workers end."""
        self._workers.stop()

    def _settle_copies(self) -> None:
        """Commit the copies of photos whose own outcome is known by now."""
        for sha256, copies in list(self._waiting.items()):
            if sha256 in self._bad_hashes:
                bad = self._bad_hashes[sha256]
                self._write([Failed(one.job, bad.failure, bad.reason, sha256) for one in copies])
            elif self._committer.is_known(sha256):
                self._write(copies)
            else:
                continue
            del self._waiting[sha256]

    def _write(self, outcomes: Sequence[Outcome]) -> None:
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
