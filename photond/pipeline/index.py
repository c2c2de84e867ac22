"""One pass over photo folders: scan them, work off what is new, and say what it came to."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from photond.config.settings import Settings
from photond.models.loading import Towers
from photond.models.memory import release_memory
from photond.models.pack import Pack
from photond.models.prepared import prepared_towers
from photond.pipeline.engine import Engine, forget, hand_over, stored_pack, workers_for
from photond.pipeline.inputs import rules_of
from photond.pipeline.retag import embed_labels
from photond.pipeline.scan import scan
from photond.pipeline.summary import Progress, Summary
from photond.pipeline.tagger import Tagger
from photond.store import files, jobs
from photond.store.clock import now
from photond.store.copying import keep_ready
from photond.store.database import Connection, transaction
from photond.store.packs import StoredPack
from photond.vocabulary.concepts import Vocabulary


class Indexer:
    """What a pass needs at hand.

    Args:
        connection: The index, written to by this alone.
        database: Its file, for a second connection that the workers read with.
        pack: The pack to embed with; `examine_new_pack` has seen it.
        vocabulary: What photos are tagged with.
        settings: The user's.
        on_progress: Told how far the pass is, several times a second.
        should_stop: Asked several times a second.
    """

    def __init__(
        self,
        connection: Connection,
        database: Path,
        pack: Pack,
        vocabulary: Vocabulary,
        settings: Settings,
        on_progress: Callable[[Progress], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._connection = connection
        self._database = database
        self._pack = pack
        self._vocabulary = vocabulary
        self._settings = settings
        self._on_progress = on_progress
        self._should_stop = should_stop
        self._cores = workers_for(settings)

    def run(self, roots: Sequence[str], *, retry: bool = False) -> Summary:
        """Bring the index up to date with folders.

        Args:
            roots: Absolute paths of folders or photos.
            retry: Try the photos again that failed before and have not changed since.

        Raises:
            ModelError: The pack cannot be used.
        """
        started = time.monotonic()
        began = now()
        summary = Summary()
        stored = stored_pack(self._connection, self._pack)
        jobs.recover(self._connection)
        for root in roots:
            if retry:
                with transaction(self._connection):
                    jobs.retry_failed(self._connection, root)
            self._scan(root, stored.id, summary)
        tagger = Tagger(self._connection, self._pack, stored, self._vocabulary, self._settings.tags)
        total = jobs.count_waiting(self._connection)
        if total:
            self._work_off(tagger, stored, total, summary)
            release_memory()
        if total or tagger.is_due:
            prepared = prepared_towers(self._settings.model)
            towers = Towers(self._pack, text_threads=self._cores, prepared=prepared)
            embed_labels(tagger, towers, self._on_progress, self._should_stop)
        if not self._should_stop() and tagger.is_due:
            tagger.retag(self._should_stop)
        summary.interrupted = self._should_stop()
        if not summary.interrupted:
            keep_old = self._settings.model.keep_old
            handed = hand_over(self._connection, self._pack, stored, keep_old=keep_old)
            summary.answers, summary.lacking = handed.answers, handed.lacking
            summary.forgotten = forget(self._connection, self._settings.index.forget_after_days)
            keep_ready(self._connection, self._database, self._should_stop)
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

    def _scan(self, root: str, pack_id: int, summary: Summary) -> None:
        before = summary.unchanged + jobs.count_waiting(self._connection)
        counts = scan(
            self._connection,
            root,
            rules_of(self._settings),
            pack_id,
            lambda scanned: self._on_progress(Progress(scanned=before + scanned)),
            self._should_stop,
        )
        if counts.is_absent:
            summary.absent_folders.append(root)
        else:
            summary.unchanged += counts.unchanged
            summary.unreadable_folders += [folder.path for folder in counts.unreadable]

    def _work_off(self, tagger: Tagger, stored: StoredPack, total: int, summary: Summary) -> None:
        """Read the photos that are waiting, and beside them embed labels, with what one core can do."""
        engine = Engine(
            self._connection,
            self._database,
            self._pack,
            stored,
            tagger,
            self._settings,
            min(self._cores, total),
        )
        engine.work_off(
            lambda done, failed: self._on_progress(
                Progress(done=done, total=max(total, done), failed=failed)
            ),
            self._should_stop,
        )
        results = engine.backlog.results
        summary.new += results["new"]
        summary.changed += results["changed"]
        summary.moved += results["moved"]
        summary.unchanged += results["unchanged"]
        summary.reembedded += results["reembedded"]
