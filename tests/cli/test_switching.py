"""Changing the model pack: searches find as much as before, at every moment."""

import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from photond.models.shelf import BUILT_IN
from tests.cli.test_index import make_photos
from tests.conftest import Command


def other_pack(photond: Command) -> str:
    """Another pack: the built-in one with a slightly other mean, so that its embeddings differ."""
    folder = photond.home / "data" / "photond" / "models" / "other"
    shutil.copytree(BUILT_IN / "mini", folder)
    manifest = folder / "model.toml"
    text = manifest.read_text().replace('name = "mini"', 'name = "other"')
    # An embedding space of its own, and near enough to what mini's reference states.
    manifest.write_text(
        text.replace("mean = [0.49803922, 0.49803922, 0.49803922]", "mean = [0.5, 0.5, 0.5]")
    )
    return "other"


@pytest.fixture
def other(photond: Command) -> str:
    return other_pack(photond)


@pytest.fixture
def library(photond: Command, photos: Path, sample: Callable[..., Path]) -> Path:
    for name in ("cat", "coffee", "sunflowers"):
        sample(name, photos / f"{name}.jpg")
    photond("index", photos)
    return photos


def vectors(photond: Command) -> dict[str, tuple[str, int]]:
    """The packs in the index, each with its state and how many embeddings it has."""
    with closing(sqlite3.connect(photond.database)) as connection:
        found = connection.execute("select id, name, state from packs").fetchall()
        return {
            name: (
                state,
                connection.execute(f"select count(*) from embeddings_{id_}_rowids").fetchone()[0],
            )
            for id_, name, state in found
        }


def test_the_old_pack_answers_until_the_new_one_has_every_photo(
    photond: Command, library: Path, other: str
) -> None:
    asked = photond("query", "a cat", "--json")
    photond("models", "use", other)
    run = photond("query", "a cat", "--json")
    assert run.stdout == asked.stdout
    assert "the pack 'mini' answers until" in run.stderr
    assert photond("similar", library / "cat.jpg", "--json").json
    assert photond("tags", library / "cat.jpg").stdout

    # A pass over a part of the library, and photos elsewhere: both are embedded.
    run = photond("index", library / "cat.jpg")
    assert "3 embedded anew" in run.stdout
    assert "the pack 'other' answers from now on" in run.stdout
    assert vectors(photond) == {"other": ("serving", 3)}
    run = photond("query", "a cat", "--json")
    assert run.stderr == ""
    assert run.json[0]["path"] == str(library / "cat.jpg")
    assert photond("tags", library / "cat.jpg").stdout


def test_an_interrupted_switch_goes_on_and_loses_nothing(
    photond: Command, photos: Path, other: str
) -> None:
    make_photos(photos, 60)
    photond("index", photos)
    photond("models", "use", other)
    process = subprocess.Popen(
        photond.argv("index", photos), env=photond.environ, stdout=subprocess.PIPE
    )
    while vectors(photond).get(other, ("", 0))[1] == 0:
        time.sleep(0.02)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    state, done = vectors(photond)[other]
    assert state == "building"
    assert 0 < done < 60
    assert vectors(photond)["mini"] == ("serving", 60)
    assert len(photond("query", "a cat", "--limit", "100", "--json").json) == 60
    status = photond("status", "--json", code=1).json
    assert status["pack"] == "mini"
    assert status["switching_to"] == {"pack": other, "embeddings": done}
    summary = photond("index", photos, "--json").json
    assert summary["answers"] == other
    assert summary["reembedded"] == 60 - done
    assert vectors(photond) == {other: ("serving", 60)}
    assert photond("doctor").stdout.count("error") == 0


def test_going_back_costs_nothing_if_the_old_embeddings_are_kept(
    photond: Command, library: Path, other: str
) -> None:
    photond("models", "use", other, "--keep-old")
    photond("index", library)
    assert vectors(photond) == {"mini": ("kept", 3), other: ("serving", 3)}
    photond("models", "use", "mini")
    summary = photond("index", library, "--json").json
    assert summary["reembedded"] == 0
    assert summary["answers"] == "mini"
    run = photond("models", "prune")
    assert run.stdout.startswith("removed other")
    assert vectors(photond) == {"mini": ("serving", 3)}
    assert photond("models", "prune").stdout == "there is nothing to remove\n"
    assert photond("query", "a cat").stdout


def test_photos_on_a_disk_that_is_away_keep_their_old_embeddings(
    photond: Command, photos: Path, sample: Callable[..., Path], other: str, tmp_path: Path
) -> None:
    sample("cat", photos / "here" / "cat.jpg")
    disk = photos / "disk"
    sample("coffee", disk / "coffee.jpg")
    photond("index", photos / "here", disk)
    away = tmp_path / "away"
    disk.rename(away)
    photond("index", photos / "here", disk)
    photond("models", "use", other)
    photond("index", photos / "here", disk)
    assert vectors(photond) == {"mini": ("retired", 1), other: ("serving", 1)}
    away.rename(disk)
    photond("index", photos / "here", disk)
    assert vectors(photond) == {other: ("serving", 2)}


def test_a_pack_that_was_deleted_does_not_take_the_index_with_it(
    photond: Command, library: Path, other: str
) -> None:
    photond("models", "use", other)
    photond("index", library)
    shutil.rmtree(photond.home / "data" / "photond" / "models" / other)
    run = photond("query", "a cat", code=4)
    assert "no model pack 'other'" in run.stderr
    photond.config_file.write_text("")
    run = photond("query", "a cat", code=5)
    assert "nothing is indexed with the model pack 'mini' yet" in run.stderr
    photond("index", library)
    assert photond("query", "a cat").stdout
