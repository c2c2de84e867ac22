"""`photond export` as its users have it: the file is read by DuckDB, as other programs would."""

import os
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from photond.models.pack import Pack
from photond.store import embeddings
from photond.store.database import connect
from tests.conftest import SAMPLES, Command


@pytest.fixture(scope="module")
def exported(indexed_samples: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the samples."""
    file = tmp_path_factory.mktemp("exported") / "photos.parquet"
    indexed_samples("export", "--parquet", file)
    return file


def ask(file: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What DuckDB finds in a file, which is its table `photos`."""
    with duckdb.connect() as engine:
        engine.from_parquet(str(file)).create_view("photos")
        return engine.execute(sql, values).fetchall()


def test_an_engine_ranks_the_file_as_photond_ranks_the_photos(
    indexed_samples: Command, exported: Path, mini: Pack
) -> None:
    for text in ("a cat", "cup of coffee"):
        said = indexed_samples("export", "--query", text).json
        assert said["fingerprint"] == mini.fingerprint
        size = mini.embedding_dimension
        found = ask(
            exported,
            f"""
            select path, array_cosine_similarity(embedding::float[{size}], ?::float[{size}]) as score
            from photos order by score desc limit 20
            """,
            said["embedding"],
        )
        own = indexed_samples("query", text, "--all-above", "-1", "--json").json[:20]
        assert [path for path, _ in found] == [hit["path"] for hit in own]
        assert [score for _, score in found] == pytest.approx([h["score"] for h in own], abs=1e-5)


def test_the_file_has_what_the_index_knows_of_each_photo(
    indexed_samples: Command, exported: Path, mini: Pack
) -> None:
    rows = ask(
        exported,
        "select path, sha256, size, width, height, cast(taken_at as text), camera, lens, "
        "latitude, longitude, offline, utc_offset_minutes, format from photos",
    )
    with closing(connect(indexed_samples.database)) as connection:
        known = connection.execute(
            "select folders.path || '/' || name, sha256, contents.size, width, height, "
            "replace(taken_at, 'T', ' '), camera, lens, latitude, longitude, 0, "
            "utc_offset_minutes, format from files join folders on folders.id = folder_id "
            "join contents on contents.id = content_id"
        ).fetchall()
        vectors = dict(
            zip(
                *(part.tolist() for part in next(embeddings.all_embeddings(connection, 1))),
                strict=True,
            )
        )
        hashes = dict(connection.execute("select sha256, id from contents").fetchall())
    assert sorted(rows) == sorted(known)
    assert len(rows) == 24
    assert any(row[5] for row in rows)
    for sha256, embedding in ask(exported, "select sha256, embedding from photos"):
        assert list(embedding) == vectors[hashes[sha256]]
    tags = dict(ask(exported, "select path, tags from photos"))
    for photo in indexed_samples("tags", "--json", *sorted(SAMPLES.glob("*.jpg"))).json:
        said = [(tag["tag"], pytest.approx(tag["confidence"], abs=1e-5)) for tag in photo["tags"]]
        assert [(tag["tag"], tag["confidence"]) for tag in tags[photo["path"]]] == said
    about = dict(
        ask(
            exported, "select decode(key), decode(value) from parquet_kv_metadata(?)", str(exported)
        )
    )
    assert about["photond.fingerprint"] == mini.fingerprint
    assert about["photond.dimension"] == str(mini.embedding_dimension)
    assert float(about["photond.logit_scale"]) == mini.score.logit_scale
    assert float(about["photond.logit_bias"]) == mini.score.logit_bias


@pytest.fixture
def own(photond: Command, photos: Path, sample: Callable[..., Path]) -> Command:
    """A command with an index of four files of three photos: copies, and a name that is no text."""
    sample("cat", photos / "cat.jpg")
    sample("cat", photos / "z, a copy.jpg")
    sample("coffee", Path(os.fsdecode(os.fsencode(photos) + b"/d\xe9j\xe0.jpg")))
    sample("balloon", photos / "balloon.jpg")
    photond("index", photos)
    return photond


def test_identical_files_are_one_row_and_each_name_is_there_as_its_bytes(
    own: Command, photos: Path
) -> None:
    own("tag", photos / "cat.jpg", "--add", "Mimi")
    file = own.home / "photos.parquet"
    said = own("export", "--parquet", file, "--json").json
    size = file.stat().st_size
    assert said == {"parquet": str(file), "photos": 3, "bytes": size, "spoilt": 0}
    rows = ask(file, "select path, files, user_tags from photos order by path")
    folder = os.fsencode(photos)
    assert rows == [
        (f"{photos}/balloon.jpg", [folder + b"/balloon.jpg"], []),
        (f"{photos}/cat.jpg", [folder + b"/cat.jpg", folder + b"/z, a copy.jpg"], ["Mimi"]),
        (f"{photos}/d\ufffdj\ufffd.jpg", [folder + b"/d\xe9j\xe0.jpg"], []),
    ]


def test_photos_on_a_disk_that_is_not_there_are_left_out_as_in_a_search(
    own: Command,
) -> None:
    with closing(connect(own.database)) as connection:
        connection.execute("update files set state = 'offline' where name = 'balloon.jpg'")
        connection.execute("update files set state = 'missing' where name like 'z%'")
    file = own.home / "photos.parquet"
    own("export", "--parquet", file)
    assert ask(file, "select len(files), offline from photos") == [(1, False)] * 2
    own("export", "--parquet", file, "--force", "--offline")
    assert ask(file, "select offline from photos order by path")[0] == (True,)


def test_a_file_that_stands_there_is_replaced_only_when_it_is_to_be(own: Command) -> None:
    file = own.home / "photos.parquet"
    file.write_text("something else")
    assert "--force replaces it" in own("export", "--parquet", file, code=2).stderr
    assert file.read_text() == "something else"
    own("export", "--parquet", file, "--force")
    assert ask(file, "select count(*) from photos") == [(3,)]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "index itself" in own("export", "--parquet", own.database, "--force", code=2).stderr
    own("db", "check")


@pytest.mark.parametrize("rest", [[], ["--parquet", "a", "--query", "b"], ["--parquet", "."]])
def test_what_is_to_be_exported_has_to_be_said(own: Command, rest: list[str]) -> None:
    assert own("export", *rest, code=2).stdout == ""


def test_without_an_index_there_is_nothing_to_export(photond: Command) -> None:
    assert "photond index" in photond("export", "--parquet", "a.parquet", code=5).stderr
    assert not (photond.home / "a.parquet").exists()


@pytest.mark.parametrize("package", ["arro3", "arro3.io"])
def test_without_the_extra_it_says_how_to_get_it(
    own: Command, tmp_path: Path, package: str
) -> None:
    blocker = tmp_path / "blocker"
    folder = blocker / package.replace(".", "/")
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(f"raise ModuleNotFoundError('no {package}')\n")
    path = os.pathsep.join([str(blocker), os.environ.get("PYTHONPATH", "")])
    run = own("export", "--parquet", "a.parquet", code=2, PYTHONPATH=path)
    assert "pip install 'photond[export]'" in run.stderr
    own("export", "--query", "cat", PYTHONPATH=path)
    own("export", "--help", PYTHONPATH=path)
