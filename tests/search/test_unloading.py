"""What a searcher keeps between two questions."""

from pathlib import Path

import pytest

from photond.config.settings import Settings
from photond.search.hits import Hit
from photond.search.language import parse
from photond.search.searcher import Searcher, Wish
from photond.store import copying
from photond.store.vector_file import vector_file
from tests.conftest import SAMPLES, Command

EXAMPLE = f'like:"{SAMPLES / "cat.jpg"}"'


def ask(searcher: Searcher, text: str) -> list[Hit]:
    with searcher.answer(parse(text), Wish(3)) as answer:
        return list(answer.hits)


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
    first = ask(searcher, EXAMPLE)
    assert len(first) == 3
    assert "index.db-vectors-1" in mapped()
    assert searcher.unused_at is not None
    assert not searcher.unload_unused(3600)
    assert searcher.unload_unused(0)
    assert searcher.unused_at is None
    assert "index.db-vectors-1" not in mapped()
    assert ask(searcher, EXAMPLE) == first


def test_the_copy_changes_no_answer(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    with_copy = ask(searcher, "an animal")
    monkeypatch.setattr(copying, "WORTH_A_FILE", 2048)
    searcher.unload_unused(0)
    vector_file(searcher._database, 1).unlink()
    assert ask(searcher, "an animal") == with_copy
