"""One pass over photo folders: scan them, work off what is new, and say what it came to."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from photond.config.settings import Settings
from photond.models.pack import Pack
from photond.models.towers import ImageTower, TextTower, available_cores
from photond.pipeline.backlog import Backlog
from photond.pipeline.commit import Committer
from photond.pipeline.inputs import input_spec, picture_limits
from photond.pipeline.rules import Rules
from photond.pipeline.scan import scan
from photond.pipeline.summary import Progress, Summary
from photond.pipeline.tagging import (
    TagRules,
    everyday_vocabulary,
    label_bank,
    tagging_fingerprint,
)
from photond.pipeline.work import Task
from photond.store import contents, embeddings, files, jobs, tags
from photond.store.clock import now
from photond.store.database import Connection, connect, transaction
from photond.store.embeddings import StoredPack


class Indexer:
    """What a pass needs at hand.

    Args:
        connection: The index, written to by this alone.
        database: Its file, for a second connection that the workers read with.
        pack: The pack to embed with.
        settings: The user's.
        on_progress: Told how far the pass is, several times a second.
        should_stop: Asked several times a second.
    """

    def __init__(
        self,
        connection: Connection,
        database: Path,
        pack: Pack,
        settings: Settings,
        on_progress: Callable[[Progress], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._connection = connection
        self._database = database
        self._pack = pack
        self._settings = settings
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._cores = settings.index.workers or available_cores()

    def run(self, roots: Sequence[str], *, retry: bool = False) -> Summary:
        """Bring the index up to date with folders.

        Args:
            roots: Absolute paths of folders or photos.
            retry: Try the photos again that failed before and have not changed since.

        Raises:
            ModelError: The pack cannot be used; the index is as it was.
        """
        started = time.monotonic()
        began = now()
        summary = Summary()
        # Loaded first: a pack that cannot be used must not leave a trace in the index.
        tower = ImageTower(self._pack)
        stored = self._stored_pack()
        jobs.recover(self._connection)
        for root in roots:
            if retry:
                with transaction(self._connection):
                    jobs.retry_failed(self._connection, root)
            self._scan(root, stored.id, summary)
        committer = self._committer(stored)
        if committer is not None:
            self._work_off(tower, committer, summary)
        summary.interrupted = self._should_stop()
        if not summary.interrupted:
            summary.forgotten = self._forget()
        reasons: Counter[str] = Counter()
        for root in roots:
            failures = jobs.failures(self._connection, root)
            summary.failed += len(failures)
            reasons.update(failure.reason for failure in failures)
            summary.missing += files.count_missing(self._connection, root, began)
            summary.offline += files.count_offline(self._connection, root)
        summary.reasons = dict(reasons.most_common())
        summary.waiting = jobs.count_waiting(self._connection)
        summary.seconds = time.monotonic() - started
        return summary

    def _stored_pack(self) -> StoredPack:
        with transaction(self._connection):
            return embeddings.find_pack(
                self._connection, self._pack.fingerprint
            ) or embeddings.add_pack(
                self._connection,
                self._pack.name,
                self._pack.fingerprint,
                self._pack.embedding_dimension,
            )

    def _scan(self, root: str, pack_id: int, summary: Summary) -> None:
        rules = Rules(
            self._settings.index.exclude,
            hidden=self._settings.index.hidden,
            follow_symlinks=self._settings.index.follow_symlinks,
        )
        before = summary.unchanged + jobs.count_waiting(self._connection)
        counts = scan(
            self._connection,
            root,
            rules,
            pack_id,
            lambda scanned: self._on_progress(Progress(scanned=before + scanned)),
            self._should_stop,
        )
        if counts is None:
            summary.absent_folders.append(root)
        else:
            summary.unchanged += counts.unchanged
            summary.unreadable_folders += [folder.path for folder in counts.unreadable]

    def _committer(self, stored: StoredPack) -> Committer | None:
        """The committer with its label bank, tags of all photos being up to date with it."""
        settings = self._settings.tags
        least = settings.min_confidence or self._pack.score.min_confidence
        rules = TagRules(least, settings.max_tags)
        labels = everyday_vocabulary()
        bank = label_bank(
            self._connection,
            self._pack,
            stored.id,
            labels,
            lambda: TextTower(self._pack, self._cores),
            self._should_stop,
        )
        if bank is None:
            return None
        with transaction(self._connection):
            label_ids = tags.label_ids(self._connection, labels)
        committer = Committer(self._connection, self._pack, stored.id, bank, rules, label_ids)
        fingerprint = tagging_fingerprint(self._pack, labels, rules)
        if stored.tagging_fingerprint != fingerprint:
            committer.retag(fingerprint)
        return committer

    def _work_off(self, tower: ImageTower, committer: Committer, summary: Summary) -> None:
        total = jobs.count_waiting(self._connection)
        if total == 0:
            return
        lock = Lock()
        # Never closed: a worker that an interruption left behind may still ask.
        reader = connect(self._database)

        def is_known(sha256: str) -> bool:
            with lock:
                found = contents.find_embedded(reader, sha256, committer.pack_id)
            return found is not None

        task = Task(
            tower=tower,
            input_spec=input_spec(self._pack.image),
            limits=picture_limits(self._settings),
            max_bytes=self._settings.index.max_megabytes * 1_000_000,
            is_known=is_known,
        )
        backlog = Backlog(committer, task, min(self._cores, total))
        backlog.work_off(
            lambda done, failed: self._on_progress(
                Progress(done=done, total=max(total, done), failed=failed)
            ),
            self._should_stop,
        )
        summary.new += backlog.results["new"]
        summary.changed += backlog.results["changed"]
        summary.moved += backlog.results["moved"]
        summary.unchanged += backlog.results["unchanged"]

    def _forget(self) -> int:
        with transaction(self._connection):
            forgotten = files.forget_missing(
                self._connection, self._settings.index.forget_after_days
            )
            contents.delete_unused(self._connection)
        return forgotten
