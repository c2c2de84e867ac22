"""What a searcher keeps between two questions."""

from pathlib import Path

import pytest

from photond.config.settings import Settings
from photond.search.searcher import Among, Searcher
from photond.store import copying
from photond.store.vector_file import vector_file
from tests.conftest import SAMPLES, Command

ALL = Among(folders=(), since=None, until=None, tags=(), min_score=-1.0, limit=3)


@pytest.fixture
def searcher(indexed_samples: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Searcher:
    monkeypatch.setattr(copying, "WORTH_A_FILE", 3)
    return Searcher(
        indexed_samples.database,
        Settings(),
        models_dir=tmp_path / "models",
        vocabulary_file=tmp_path / "vocabulary.toml",
    )


def mapped() -> str:
    return Path("/proc/self/maps").read_text()


def test_what_a_search_maps_is_let_go_of_when_nobody_has_asked_for_a_while(
    searcher: Searcher,
) -> None:
    assert searcher.unused_at is None
    first = searcher.by_example(str(SAMPLES / "cat.jpg"), ALL)
    assert len(first.hits) == 3
    assert "index.db-vectors-1" in mapped()
    assert searcher.unused_at is not None
    assert not searcher.unload_unused(3600)
    assert searcher.unload_unused(0)
    assert searcher.unused_at is None
    assert "index.db-vectors-1" not in mapped()
    assert searcher.by_example(str(SAMPLES / "cat.jpg"), ALL) == first


def test_the_copy_changes_no_answer(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    with_copy = searcher.by_text("an animal", ALL)
    monkeypatch.setattr(copying, "WORTH_A_FILE", 2048)
    searcher.unload_unused(0)
    vector_file(searcher._database, 1).unlink()
    assert searcher.by_text("an animal", ALL) == with_copy
