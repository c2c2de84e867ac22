"""One pass over photo folders: scan them, work off what is new, and say what it came to."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

from photond.config.settings import Settings
from photond.models.loading import Towers, release_memory
from photond.models.pack import Pack
from photond.models.shelf import BUILT_IN
from photond.models.towers import available_cores
from photond.pipeline.alignment import try_out
from photond.pipeline.backlog import Backlog
from photond.pipeline.commit import Committer
from photond.pipeline.inputs import input_spec, picture_limits
from photond.pipeline.labels import LabelEncoder
from photond.pipeline.retag import embed_labels
from photond.pipeline.rules import Rules
from photond.pipeline.scan import scan
from photond.pipeline.summary import Progress, Summary
from photond.pipeline.tagger import Tagger
from photond.pipeline.work import Task
from photond.store import contents, files, jobs, packs
from photond.store.clock import now
from photond.store.database import Connection, connect, open_index, transaction
from photond.store.packs import StoredPack
from photond.vocabulary.concepts import Vocabulary


def examine_new_pack(database: Path, pack: Pack) -> None:
    """Try a pack out before anything is indexed with it for the first time.

    Args:
        database: The index's file, which need not exist.
        pack: The pack to embed with.

    Raises:
        ModelError: The pack does not do what its `model.toml` says; nothing was written.
        IndexDatabaseError: There is an index, and it cannot be opened.
    """
    if pack.folder.parent == BUILT_IN:
        return  # it was tried out when photond was built
    if database.is_file():
        connection = open_index(database)
        stored = packs.find_pack(connection, pack.fingerprint)
        connection.close()
        if stored is not None:
            return
    try_out(pack)


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
        self._cores = settings.index.workers or available_cores()

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
        # First of all: a pack that is damaged must not leave a trace in the index.
        self._pack.verify(self._pack.image)
        stored = self._stored_pack()
        jobs.recover(self._connection)
        for root in roots:
            if retry:
                with transaction(self._connection):
                    jobs.retry_failed(self._connection, root)
            self._scan(root, stored.id, summary)
        tagger = Tagger(self._connection, self._pack, stored, self._vocabulary, self._settings.tags)
        total = jobs.count_waiting(self._connection)
        if total:
            self._work_off(tagger, stored.id, total, summary)
            release_memory()
        if total or tagger.is_due:
            embed_labels(tagger, self._pack, self._cores, self._on_progress, self._should_stop)
        if not self._should_stop() and tagger.is_due:
            tagger.retag(self._should_stop)
        summary.interrupted = self._should_stop()
        if not summary.interrupted:
            self._hand_over(stored, summary)
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
            stored = packs.find_pack(self._connection, self._pack.fingerprint) or packs.add_pack(
                self._connection,
                self._pack.name,
                self._pack.fingerprint,
                self._pack.embedding_dimension,
            )
            if stored.state != "serving":
                # Another pack answers until this one has every photo, wherever the photos lie.
                jobs.queue_lacking(self._connection, stored.id)
        return stored

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

    def _work_off(self, tagger: Tagger, pack_id: int, total: int, summary: Summary) -> None:
        """Read the photos that are waiting, and beside them embed labels, with what one core can do."""
        towers = Towers(self._pack)
        towers.image()  # a pack that cannot be used is no photo's fault
        lacking = tagger.book.lacking
        if lacking:
            self._pack.verify(self._pack.text, self._pack.tokenizer)
        encoder = LabelEncoder(lacking, towers.text)
        idle_seconds = self._settings.model.idle_unload_seconds

        def between() -> None:
            tagger.absorb(encoder.take())
            if idle_seconds:
                towers.unload_idle(idle_seconds)

        lock = Lock()
        # Never closed: a worker that an interruption left behind may still ask.
        reader = connect(self._database)

        def is_known(sha256: str) -> bool:
            with lock:
                found = contents.find_embedded(reader, sha256, pack_id)
            return found is not None

        task = Task(
            tower=towers.image,
            input_spec=input_spec(self._pack.image),
            limits=picture_limits(self._settings),
            max_bytes=self._settings.index.max_megabytes * 1_000_000,
            is_known=is_known,
        )
        committer = Committer(self._connection, pack_id, tagger)
        backlog = Backlog(committer, task, min(self._cores, total))
        try:
            backlog.work_off(
                lambda done, failed: self._on_progress(
                    Progress(done=done, total=max(total, done), failed=failed)
                ),
                self._should_stop,
                between,
            )
            tagger.absorb(encoder.take())
        finally:
            encoder.stop()
        summary.new += backlog.results["new"]
        summary.changed += backlog.results["changed"]
        summary.moved += backlog.results["moved"]
        summary.unchanged += backlog.results["unchanged"]
        summary.reembedded += backlog.results["reembedded"]

    def _hand_over(self, stored: StoredPack, summary: Summary) -> None:
        """Let the pack answer if it has every photo that can be read."""
        with transaction(self._connection):
            serving = packs.serving_pack(self._connection)
            assert serving is not None
            if serving.id != stored.id:
                summary.lacking = packs.count_lacking(self._connection, stored.id)
                summary.answers = serving.name
                if summary.lacking == 0:
                    keep_old = self._settings.model.keep_old
                    packs.hand_over(self._connection, stored.id, keep_old=keep_old)
                    summary.answers = self._pack.name
            packs.prune_retired(self._connection)

    def _forget(self) -> int:
        with transaction(self._connection):
            forgotten = files.forget_missing(
                self._connection, self._settings.index.forget_after_days
            )
            contents.delete_unused(self._connection)
        return forgotten
