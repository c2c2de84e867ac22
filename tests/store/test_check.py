"""What the check finds in an index that is not right, and what the repair makes of it."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from photond.search.ranking import Direction, Rankings
from photond.store import copying, embeddings, jobs, tags
from photond.store.check import findings, repair
from photond.store.database import (
    Connection,
    connect,
    database_file,
    snapshot,
    transaction,
)
from photond.store.vector_file import vector_file
from photond.store.vector_layout import Layout

NOT_UNIT = np.full(8, 0.5, "<f4").tobytes()
NOT_A_NUMBER = np.full(8, np.nan, "<f4").tobytes()


def damage(connection: Connection, *statements: str | tuple[str, tuple]) -> None:
    connection.execute("pragma foreign_keys = off")
    for statement in statements:
        text, values = (statement, ()) if isinstance(statement, str) else statement
        connection.execute(text, values)
    connection.execute("pragma foreign_keys = on")


def waiting(connection: Connection) -> set[int]:
    """The contents that are to be embedded again."""
    return {
        id_
        for (id_,) in connection.execute(
            "select content_id from jobs join files on files.id = file_id where jobs.state = 'queued'"
        )
    }


def test_nothing_is_found_in_an_index_that_is_whole_and_repairing_changes_nothing(
    index: Connection,
) -> None:
    before = index.total_changes
    assert findings(index) == []
    repair(index)
    assert index.total_changes == before


def test_nothing_is_found_in_an_index_without_a_photo(index: Connection) -> None:
    damage(index, "delete from files", "delete from tags", "delete from contents")
    with transaction(index):
        index.execute("delete from embeddings_1 where content_id > 0")
    assert findings(index) == []


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (
            ["update files set content_id = null where id = 3"],
            ["1 photos are neither indexed nor waiting"],
        ),
        (
            ["delete from embeddings_1 where content_id in (3, 4)", "delete from tags"],
            ["2 photos are neither indexed nor waiting"],
        ),
        (
            ["delete from embeddings_1 where content_id = 3"],
            [
                "1 tags are of photos without an embedding",
                "1 photos are neither indexed nor waiting",
            ],
        ),
        (
            [
                "update files set content_id = 4 where id = 3",
                "delete from tags where content_id = 3",
                "delete from contents where id = 3",
            ],
            ["1 embeddings belong to no photo"],
        ),
        (
            ["delete from contents where id = 3", "delete from tags where content_id = 3"],
            [
                "1 rows of files refer to rows of contents that are not there",
                "1 embeddings belong to no photo",
            ],
        ),
        (
            ["delete from labels where name = 'cat'"],
            ["40 rows of tags refer to rows of labels that are not there"],
        ),
        (["update packs set state = 'kept'"], ["no model pack answers searches"]),
        (
            ["insert into user_tags select sha256, 1, 'removed', '' from contents where id < 6"],
            ["5 tags were given that the user had removed"],
        ),
        (
            ["update files set state = 'missing' where id = 3"],
            ["1 files do not say rightly since when they are missing"],
        ),
        (
            ["insert into label_embeddings values (1, 'a cat', x'00')"],
            ["1 embeddings of labels have another dimension than their pack's"],
        ),
        (
            ["update embeddings_1_chunks set validity = zeroblob(128)"],
            ["40 embeddings of the pack 'small' cannot be read"],
        ),
        (
            ["update embeddings_1_chunks set validity = x'ff'"],
            ["40 embeddings of the pack 'small' cannot be read"],
        ),
        (
            ["update embeddings_1_rowids set chunk_offset = 90 where rowid = 3"],
            [
                "1 embeddings of the pack 'small' cannot be read",
                "1 vectors of the pack 'small' belong to no embedding",
            ],
        ),
        (
            ["update embeddings_1_rowids set chunk_id = 7, chunk_offset = null where rowid = 3"],
            [
                "1 embeddings of the pack 'small' cannot be read",
                "1 vectors of the pack 'small' belong to no embedding",
            ],
        ),
        (
            ["delete from embeddings_1_rowids where rowid = 3"],
            [
                "1 vectors of the pack 'small' belong to no embedding",
                "1 tags are of photos without an embedding",
                "1 photos are neither indexed nor waiting",
            ],
        ),
        (
            ["update embeddings_1_vector_chunks00 set vectors = zeroblob(100)"],
            ["40 embeddings of the pack 'small' cannot be read"],
        ),
        (
            ["delete from embeddings_1_vector_chunks00"],
            ["40 embeddings of the pack 'small' cannot be read"],
        ),
        (
            [("update embeddings_1 set embedding = ? where content_id = 3", (NOT_UNIT,))],
            ["1 embeddings of the pack 'small' are not of unit length"],
        ),
        (
            [("update embeddings_1 set embedding = ? where content_id < 3", (NOT_A_NUMBER,))],
            ["2 embeddings of the pack 'small' are not of unit length"],
        ),
        (
            ["drop table embeddings_1_vector_chunks00"],
            ["the pack 'small' lacks the tables embeddings_1_vector_chunks00"],
        ),
        (
            ["create virtual table embeddings_9 using vec0(embedding float[8])"],
            ["there are embeddings of a pack 9 that is not known"],
        ),
    ],
)
def test_what_contradicts_is_found_and_mended(
    index: Connection, statements: list, found: list[str]
) -> None:
    damage(index, *statements)
    assert [finding.detail for finding in findings(index)][: len(found)] == found
    repair(index)
    assert findings(index) == []
    unembedded = index.execute(
        """
        select content_id from files where state = 'present' and content_id is not null
          and content_id not in (select rowid from embeddings_1_rowids)
        """
    )
    assert {id_ for (id_,) in unembedded} <= waiting(index)


def test_what_was_lost_is_embedded_again_and_what_was_not_is_kept(index: Connection) -> None:
    before = {id_: embeddings.embedding_of(index, 1, id_) for id_ in range(1, 41)}
    damage(
        index,
        "delete from embeddings_1_rowids where rowid = 3",
        ("update embeddings_1 set embedding = ? where content_id = 5", (NOT_UNIT,)),
    )
    repair(index)
    assert waiting(index) == {3, 5}
    for id_, embedding in before.items():
        kept = embeddings.embedding_of(index, 1, id_)
        assert (kept is None) == (id_ in {3, 5})
        assert kept is None or np.array_equal(kept, embedding)
        if kept is not None:
            ranking = Rankings(database_file(index)).at(index, 1)
            assert next(ranking.best(Direction(kept)))[0][0] == id_


def test_tags_of_the_user_outlive_a_repair(index: Connection) -> None:
    tags.set_user_tag(index, 3, "holiday", "added")
    damage(index, "delete from embeddings_1_chunks")
    repair(index)
    assert tags.tags_of(index, 1, [3]) == {3: [tags.Tag("holiday", 1.0, by_user=True)]}


def test_a_photo_that_failed_or_waits_or_is_not_there_needs_no_embedding(index: Connection) -> None:
    damage(
        index,
        "delete from embeddings_1 where content_id < 5",
        "delete from tags where content_id < 5",
        "update files set state = 'missing', missing_since = '2024-06-01' where id = 1",
        "update files set state = 'offline' where id = 2",
        "update files set content_id = null where id = 3",
    )
    jobs.queue(index, 3)
    jobs.queue(index, 4)
    jobs.fail(index, 4, "unreadable", "may not be read")
    assert findings(index) == []


def test_an_index_of_sqlite_that_lacks_rows_is_made_anew(
    index: Connection, index_path: Path
) -> None:
    damage(
        index,
        "pragma writable_schema = on",
        "update sqlite_master set sql = replace(sql, '(content_id)', '(size)') "
        "where name = 'files_by_content'",
    )
    with closing(connect(index_path)) as connection:
        found = findings(connection)
        assert found
        assert all("files_by_content" in finding.detail for finding in found)
        assert all(finding.can_be_mended for finding in found)
        repair(connection)
        assert findings(connection) == []


def test_a_copy_of_the_vectors_that_lies_is_found_and_removed_and_made_anew(
    index: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "WORTH_A_FILE", 3)
    path = vector_file(database_file(index), 1)
    with snapshot(index):
        assert copying.refresh(index, database_file(index), 1)
    assert findings(index) == []
    with path.open("r+b") as file:
        file.seek(Layout(8).block(0) + Layout(8).region("vectors"))
        file.write(b"no vector")
    (found,) = findings(index)
    assert found.detail == "the copy of the vectors of the pack 'small' has 1 vectors of 40 wrong"
    assert found.can_be_mended
    repair(index)
    assert not path.exists()
    with snapshot(index):
        assert copying.refresh(index, database_file(index), 1)
    assert findings(index) == []
