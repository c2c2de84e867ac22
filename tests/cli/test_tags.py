"""Tags as a user meets them: the model's, their own, and tagging anew."""

import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Command


@pytest.fixture
def library(photond: Command, photos: Path, sample: Callable[..., Path]) -> Path:
    """Three indexed photos."""
    for name in ("cat", "coffee", "sunflowers"):
        sample(name, photos / f"{name}.jpg")
    photond("index", photos)
    return photos


def tags(photond: Command, photo: Path, *options: str) -> dict[str, str]:
    """A photo's tags, each with who gave it."""
    (found,) = photond("tags", photo, "--json", *options).json
    return {tag["tag"]: tag["source"] for tag in found["tags"]}


def test_the_users_tags_are_shown_searched_counted_and_never_touched(
    photond: Command, library: Path
) -> None:
    cat = library / "cat.jpg"
    photond("tag", cat, "--add", "Minka", "--add", " our  garden ")
    assert tags(photond, cat) | {"Minka": "user", "our garden": "user"} == tags(photond, cat)
    photond("retag")
    photond("index", library)
    assert "Minka" in tags(photond, cat)
    hits = photond("query", "anything", "--tag", "minka", "--json").json
    assert [hit["path"] for hit in hits] == [str(cat)]
    assert {"tag": "Minka", "confidence": 1.0} in hits[0]["tags"]
    assert "1\tMinka\n" in photond("tags").stdout


def test_a_removed_tag_does_not_come_back(photond: Command, library: Path) -> None:
    coffee = library / "coffee.jpg"
    wrong = next(iter(tags(photond, coffee)))
    photond("tag", coffee, "--remove", wrong.upper())
    assert wrong not in tags(photond, coffee)
    photond("vocabulary", "add", "something else")
    photond("retag")
    photond("index", library)
    assert wrong not in tags(photond, coffee)
    run = photond("tag", coffee, "--remove", wrong, code=1)
    assert f"has no tag '{wrong}'" in run.stderr
    photond("tag", coffee, "--add", wrong)
    assert tags(photond, coffee)[wrong] == "user"


def test_the_users_tags_follow_a_photo_that_moves_or_is_edited_or_comes_back(
    photond: Command, library: Path
) -> None:
    cat = library / "cat.jpg"
    photond("tag", cat, "--add", "Minka")
    moved = library / "2024" / "my cat.jpg"
    moved.parent.mkdir()
    cat.rename(moved)
    photond("index", library)
    assert tags(photond, moved)["Minka"] == "user"

    moved.write_bytes(moved.read_bytes() + b"edited")
    photond("index", library)
    assert tags(photond, moved)["Minka"] == "user"

    data = moved.read_bytes()
    moved.unlink()
    photond("index", library, PHOTOND_INDEX_FORGET_AFTER_DAYS="0")
    photond("index", library, PHOTOND_INDEX_FORGET_AFTER_DAYS="0")
    assert photond("tags", moved, code=1).stdout == ""
    moved.write_bytes(data)
    photond("index", library)
    assert tags(photond, moved)["Minka"] == "user"


def test_a_tag_finds_its_kinds_and_all_shows_what_is_implied(
    photond: Command, library: Path
) -> None:
    cat = library / "cat.jpg"
    photond("vocabulary", "add", "Minka", "--parent", "cat")
    photond("tag", cat, "--add", "Minka", "--remove", *list(tags(photond, cat))[:1])
    for wanted in ("minka", "cat", "animal"):
        hits = photond("query", "anything", "--tag", wanted, "--json").json
        assert str(cat) in [hit["path"] for hit in hits], wanted
    hits = photond("query", "anything", "--tag", "!animal", "--json").json
    assert str(cat) not in [hit["path"] for hit in hits]
    assert "animal" not in tags(photond, cat)
    assert tags(photond, cat, "--all")["animal"] == "implied"
    assert "1\tanimal\n" in photond("tags", "--all").stdout


def test_tags_of_what_is_not_indexed_and_tags_that_cannot_be(
    photond: Command, library: Path
) -> None:
    run = photond("tag", library / "cat.jpg", library / "gone.jpg", "--add", "x", code=1)
    assert "gone.jpg is not in the index" in run.stderr
    assert "x" in tags(photond, library / "cat.jpg")
    for bad in ("", "  ", "\x1b[2J", "!x"):
        assert "cannot be a tag" in photond("tag", library / "cat.jpg", "--add", bad, code=2).stderr
    assert "no tag to set" in photond("tag", library / "cat.jpg", code=2).stderr


def test_retagging_follows_the_vocabulary_and_the_thresholds(
    photond: Command, library: Path
) -> None:
    sunflowers = library / "sunflowers.jpg"
    photond("vocabulary", "add", "garden bloom", "--prompt", "a photo of a daisy")
    photond("vocabulary", "remove", "daisy")
    run = photond("retag", "--json")
    assert run.json["photos"] == 3
    assert "garden bloom" in tags(photond, sunflowers)
    photond("retag", PHOTOND_TAGS_MIN_CONFIDENCE="1.0")
    assert photond("tags").stdout == ""
    photond("retag", PHOTOND_TAGS_MAX_TAGS="1")
    assert len(tags(photond, sunflowers)) == 1
    # What the configuration says is brought about by the next pass, too.
    photond("index", library)
    assert len(tags(photond, sunflowers)) > 1


def test_labels_that_were_embedded_before_an_interruption_are_kept(
    photond: Command, photos: Path, sample: Callable[..., Path], tmp_path: Path
) -> None:
    """Killed in the middle of thousands of labels, the next pass goes on with the rest."""
    sample("cat", photos / "cat.jpg")
    photond("index", photos)
    words = tmp_path / "words.txt"
    words.write_text("".join(f"thing number {number}\n" for number in range(1_500)))
    photond("vocabulary", "import", words)
    process = subprocess.Popen(
        photond.argv("retag"), env=photond.environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    embedded = "select count(*) from label_embeddings where prompt like '%thing number%'"
    while (before := _scalar(photond, embedded)) < 64:
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert before < 1_500
    # Marked, so that one that is embedded again can be told.
    with closing(sqlite3.connect(photond.database)) as connection, connection:
        connection.execute("update label_embeddings set embedding = zeroblob(384 * 4)")
    photond("retag")
    assert _scalar(photond, embedded) == 1_500
    assert _scalar(photond, f"{embedded} and embedding = zeroblob(384 * 4)") >= before


def _scalar(photond: Command, sql: str) -> int:
    with closing(sqlite3.connect(photond.database)) as connection:
        return int(connection.execute(sql).fetchone()[0])


def test_a_tag_is_on_the_disk_when_the_command_returns(
    photond: Command, library: Path, tmp_path: Path
) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    log = tmp_path / "calls"
    traced = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o", str(log)]
    # Another connection keeps the log from being folded into the index, as the daemon's does.
    with closing(sqlite3.connect(photond.database)) as other:
        other.execute("select count(*) from files").fetchone()
        # What begins a log syncs its header; what goes on with one shows whether commits are synced.
        photond("tag", library / "cat.jpg", "--add", "Felix")
        done = subprocess.run(
            [*traced, *photond.argv("tag", library / "cat.jpg", "--add", "Minka")],
            env=photond.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if "PTRACE" in done.stderr:
            pytest.skip("processes may not be traced here")
        assert done.returncode == 0, done.stderr
        assert f"{photond.database}-wal>" in log.read_text()
