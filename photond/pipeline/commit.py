"""Committing outcomes: what the workers found becomes rows, all of a batch or none."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from photond.pipeline.tagger import Tagger
from photond.pipeline.work import Embedded, Failed, Outcome, Same, Vanished
from photond.store import companions, contents, embeddings, files, jobs, looks, tags
from photond.store.contents import Content
from photond.store.database import Connection, transaction
from photond.store.embeddings import Embedding
from photond.store.files import Absence, FileStat

# Of a photo with very many copies, not all are looked for on disk each time another one appears.
_TWINS_LOOKED_AT = 8

Result = Literal["new", "changed", "moved", "unchanged", "reembedded", "failed", "vanished"]


@dataclass(frozen=True, slots=True)
class Committer:
    """Writes outcomes to the index.

    Attributes:
        connection: The index.
        pack_id: The id of the pack in use.
        tagger: Gives the photos their tags.
    """

    connection: Connection
    pack_id: int
    tagger: Tagger

    def commit(self, outcomes: Sequence[Outcome]) -> list[Result]:
        """Write a batch in one transaction; returns what each outcome meant, in their order.

        An outcome of a photo that a scan has found to be gone meanwhile says nothing of what is at
        its path now; its embedding is kept, because the photo may have been moved.
        """
        embedded: dict[int, Embedding] = {}
        with transaction(self.connection):
            results = [self._write(outcome, embedded) for outcome in outcomes]
            if embedded:
                # Together: each call goes through the embeddings of all labels.
                self.tagger.tag(list(embedded), np.stack(list(embedded.values())))
        return results

    def is_known(self, sha256: str) -> bool:
        """Whether the index has an embedding of the content with a hash."""
        return contents.find_embedded(self.connection, sha256, self.pack_id) is not None

    def _write(self, outcome: Outcome, embedded: dict[int, Embedding]) -> Result:
        """Write all but the tags; adds what is to be tagged to `embedded`, by content id."""
        is_wanted = jobs.is_in_hand(self.connection, outcome.job.file_id)
        if not is_wanted and not isinstance(outcome, Embedded):
            return "vanished"
        match outcome:
            case Embedded():
                content_id = contents.put(self.connection, _content(outcome))
                looks.set_perceptual_hash(self.connection, content_id, outcome.perceptual_hash)
                embeddings.add_embedding(
                    self.connection, self.pack_id, content_id, outcome.embedding
                )
                embedded[content_id] = outcome.embedding
                if not is_wanted:
                    return "vanished"
                result = self._link(outcome.job.file_id, content_id, outcome.stat)
                # The same bytes, embedded with another pack than before.
                return "reembedded" if result == "unchanged" else result
            case Same():
                known_id = contents.find_embedded(self.connection, outcome.sha256, self.pack_id)
                assert known_id is not None
                return self._link(outcome.job.file_id, known_id, outcome.stat)
            case Failed():
                self._fail(outcome)
                return "failed"
            case Vanished():
                absence: Absence = "missing" if _has_left(outcome.job.path) else "offline"
                files.mark_absent(self.connection, [outcome.job.file_id], absence)
                if absence == "missing":
                    companions.photo_left(self.connection, outcome.job.file_id)
                return "vanished"

    def _fail(self, outcome: Failed) -> None:
        file_id = outcome.job.file_id
        jobs.fail(self.connection, file_id, outcome.failure, outcome.reason)
        before = files.content_of(self.connection, file_id)
        if outcome.failure == "undecodable":
            # What was known of the path is not true of these bytes.
            files.set_content(self.connection, file_id, None)
        if before is None or outcome.failure == "undecodable":
            companions.photo_failed(self.connection, file_id, before, self.pack_id)

    def _link(self, file_id: int, content_id: int, stat: FileStat) -> Result:
        jobs.finish(self.connection, file_id)
        before = files.content_of(self.connection, file_id)
        files.set_content(self.connection, file_id, content_id)
        files.update_file(self.connection, file_id, stat)
        companions.photo_was_read(self.connection, file_id, content_id)
        if before == content_id:
            return "unchanged"
        if before is not None:
            # An edited photo is still the photo that the user tagged.
            tags.copy_user_tags(self.connection, before, content_id)
            return "changed"
        moved_from = self._moved_from(file_id, content_id)
        if moved_from is None:
            return "new"
        companions.photo_left(self.connection, moved_from)
        files.delete_file(self.connection, moved_from)
        return "moved"

    def _moved_from(self, file_id: int, content_id: int) -> int | None:
        """The file that this one was until now, if it is not simply a copy."""
        missing = files.missing_twin(self.connection, content_id)
        if missing is not None:
            return missing
        # It may have come from a folder that this pass did not scan.
        twins = files.present_twins(self.connection, content_id, file_id, _TWINS_LOOKED_AT)
        return next((id_ for id_, path in twins if _has_left(path)), None)


def _content(outcome: Embedded) -> Content:
    facts = outcome.facts
    return Content(
        sha256=outcome.sha256,
        size=outcome.stat.size,
        format=facts.format,
        width=facts.width,
        height=facts.height,
        taken_at=facts.taken_at,
        utc_offset_minutes=facts.utc_offset_minutes,
        camera=facts.camera,
        lens=facts.lens,
        latitude=facts.latitude,
        longitude=facts.longitude,
    )


def _has_left(path: str) -> bool:
    """Whether a file is gone from a folder that is still there."""
    return not os.path.lexists(path) and Path(path).parent.is_dir()
