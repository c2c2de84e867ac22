"""What is held of an index that a power cut has left."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from photond.config.settings import Settings
from photond.errors import PhotondError
from photond.models.pack import load_pack
from photond.models.shelf import BUILT_IN
from photond.pipeline.index import Indexer
from photond.search.ranking import Direction, Rankings
from photond.store import check
from photond.store.database import Connection, connect, explained, open_index, snapshot
from photond.store.embeddings import dimension_of
from photond.store.packs import serving_pack
from photond.store.vectors import StoredVectors
from photond.vocabulary.own import load_vocabulary
from tests.chaos import comparison
from tests.chaos.comparison import Row
from tests.powercut.recording import Recording, Said

# A photo is finished when it has a content, and then it has an embedding.
_DONE_WITHOUT_EMBEDDING = """
    select count(*) from files where content_id is not null
    and not exists (select 1 from embeddings_1_rowids where rowid = content_id)
    and not exists (select 1 from jobs where file_id = files.id)
"""


@dataclass(slots=True)
class Judge:
    """Opens what a power cut has left, finishes it as the next pass does, and says what is wrong.

    Args:
        recording: What was recorded.
        place: An empty folder.
        expected: What an undisturbed index says of each photo.
    """

    recording: Recording
    place: Path
    expected: Mapping[str, Row]

    @classmethod
    def of(cls, recording: Recording, place: Path) -> "Judge":
        """A judge who knows what an undisturbed index of the photos is like."""
        fresh = place / "fresh.db"
        _index(fresh, recording)
        return cls(recording, place, comparison.snapshot(fresh))

    def problems(self, left: Mapping[str, bytes], done: int) -> list[str]:
        """What is wrong with what was left after so many operations; nothing if all is well."""
        folder = self.place / "left"
        folder.mkdir()
        try:
            for name, content in left.items():
                (folder / name).write_bytes(content)
                (folder / name).chmod(0o600)
            try:
                with explained(folder / "index.db"):
                    return self._problems(folder, done)
            except PhotondError as error:
                return [f"refused: {error}"]
        finally:
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

    def _problems(self, folder: Path, done: int) -> list[str]:
        database = folder / "index.db"
        with closing(open_index(database, create=True)) as connection:
            found = [one.detail for one in check.findings(connection)]
            if found:
                return found
            said = _said(connection)
            is_begun = serving_pack(connection) is not None
            if is_begun:
                (count,) = connection.execute(_DONE_WITHOUT_EMBEDDING).fetchone()
                found += [f"{count} photos are done without an embedding"] * bool(count)
                found += _wrong_answers(connection, database)
        before, after = self.recording.promised(done)
        # The tags of an edited photo follow it in a pass, which the next one does again.
        if self._without_followers(said) not in (before, after):
            found.append(f"the user said {before} or {after}, and it has {said}")
        if (folder / "backup.db").exists():
            with closing(connect(folder / "backup.db")) as backup:
                found += [f"backup: {one.detail}" for one in check.findings(backup)]
        _index(database, self.recording)
        return found + self._after_the_next_pass(database, self._without_followers(said))

    def _after_the_next_pass(self, database: Path, said: Said) -> list[str]:
        with closing(open_index(database)) as connection:
            found = [f"after the next pass: {one.detail}" for one in check.findings(connection)]
            found += _wrong_answers(connection, database)
            now = _said(connection)
        if now != said | self._followers(said):
            found.append(f"after the next pass the user's tags are {now} and not {said}")
        removed = {(sha, tag) for sha, tag, verdict in now if verdict == "removed"}
        expected = {
            path: replace(row, tags={tag: confidence for tag, confidence in row.tags.items()
                                     if (row.sha256, tag) not in removed})
            for path, row in self.expected.items()
        }  # fmt: skip
        return found + comparison.differences(expected, comparison.snapshot(database))

    def _followers(self, said: Said) -> Said:
        edited = self.recording.edited
        return frozenset((edited[sha], *rest) for sha, *rest in said if sha in edited)

    def _without_followers(self, said: Said) -> Said:
        return said - self._followers(said)


def _index(database: Path, recording: Recording) -> None:
    """What `photond index` does, in this process."""
    with closing(open_index(database, create=True)) as connection:
        summary = Indexer(
            connection,
            database,
            load_pack(BUILT_IN / "mini"),
            load_vocabulary(recording.vocabulary),
            Settings(),
            lambda _: None,
            lambda: False,
        ).run([str(recording.photos)])
    assert summary.is_whole, summary


def _said(connection: Connection) -> Said:
    """What the user has said of photos, by an index."""
    return frozenset(
        connection.execute(
            "select sha256, name, verdict from user_tags join labels on labels.id = label_id"
        ).fetchall()
    )


def _wrong_answers(connection: Connection, database: Path) -> list[str]:
    """Where a search by the copy of the vectors finds something else than one without it."""
    pack = serving_pack(connection)
    assert pack is not None
    dimension = dimension_of(connection, pack.id)
    wanted = np.random.default_rng(0).normal(size=dimension).astype(np.float32)
    direction = Direction(wanted / np.linalg.norm(wanted))
    with snapshot(connection):
        rankings = Rankings(database)
        found = [one for batch in rankings.at(connection, pack.id).best(direction) for one in batch]
        rankings.let_go()
        vectors = StoredVectors(connection, pack.id)
        scores = vectors.exactly(np.arange(len(vectors.ids)), direction.rows)[:, 0]
    known = dict(zip(vectors.ids.tolist(), scores.tolist(), strict=True))
    ranked = sorted((key for _, key in found), reverse=True)
    is_right = dict(found).keys() == known.keys() and all(
        abs(known[id_] - score) < 1e-5 for id_, score in found
    )
    is_right &= len(found) == len(known) and ranked == [key for _, key in found]
    return [] if is_right else ["a search by the copy of the vectors finds something else"]
