"""Models that are kept as they were made ready, as a user meets them."""

from pathlib import Path

import pytest

from tests.conftest import SAMPLES, Command
from tools.random_pack import TINY, write_pack


@pytest.fixture
def cache(photond: Command) -> Path:
    """A cache of the command's own."""
    folder = photond.home / "cache"
    photond.environ["XDG_CACHE_HOME"] = str(folder)
    return folder / "photond" / "towers"


def test_they_are_made_in_silence_are_listed_with_their_size_and_go_with_their_pack(
    photond: Command, cache: Path
) -> None:
    pack = write_pack(photond.home / "data" / "photond" / "models" / "tiny", TINY)
    use = {
        "PHOTOND_MODEL_PACK": pack.name,
        "PHOTOND_TAGS_MAX_TAGS": "0",
        "PHOTOND_DATABASE": str(photond.home / "tiny.db"),
    }
    photond("index", SAMPLES, **use)
    for _ in range(2):
        assert photond("similar", SAMPLES / "cat.jpg", **use).stderr == ""
        run = photond("query", "a cat", **use)
        assert "onnx" not in run.stderr.lower()
    assert len(list(cache.glob("*/tower.onnx"))) == 2
    listed = {one["name"]: one for one in photond("models", "list", "--json").json}
    size = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
    assert listed["tiny"]["prepared_bytes"] == size
    assert listed["mini"]["prepared_bytes"] == 0
    assert listed["siglip-base"]["prepared_bytes"] is None
    assert "kept to load it faster" in photond("models", "list").stdout
    photond("models", "remove", "tiny")
    assert not list(cache.iterdir())


def test_who_wants_none_has_none(photond: Command, cache: Path) -> None:
    photond.environ["PHOTOND_MODEL_KEEP_PREPARED"] = "false"
    photond("index", SAMPLES)
    photond("query", "a cat")
    assert not cache.exists()
