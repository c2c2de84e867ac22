"""`photond query` and its kin, on real photos with the real model."""

import os
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from photond.store.database import open_index
from tests.conftest import SAMPLES


def names(hits: list[dict[str, object]]) -> list[str]:
    return [Path(str(hit["path"])).stem for hit in hits]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat", "cat"),
        ("the face of a tabby cat", "cat"),
        ("raccoon", "raccoon"),
        ("a rocket on a launch pad", "rocket"),
        ("cup of coffee", "coffee"),
        ("espresso", "coffee"),
        ("flowers", "sunflowers"),
        ("snowy mountain peak", "mountain"),
        ("hot air balloon", "balloon"),
        ("a man with a camera on a tripod", "photographer"),
        ("old coins", "coins"),
    ],
)
def test_a_query_finds_what_it_names_first(indexed_samples, text, expected) -> None:
    assert names(indexed_samples("query", text, "--json").json)[0] == expected


def test_words_need_no_quotes(indexed_samples) -> None:
    quoted = indexed_samples("query", "cup of coffee", "--json").json
    assert indexed_samples("query", "cup", "of", "coffee", "--json").json == quoted


def test_json_has_all_that_is_promised(indexed_samples) -> None:
    run = indexed_samples("query", "cat", "--json", "--limit", "3")
    assert run.stderr == ""
    hits = run.json
    assert len(hits) == 3
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    best = hits[0]
    said = {"path", "score", "probability", "tags", "taken_at", "width", "height"}
    assert set(best) == said | {"copies", "offline"}
    assert best["path"] == str(SAMPLES / "cat.jpg")
    assert -1 <= best["score"] <= 1
    assert 0 <= best["probability"] <= 1
    assert (best["width"], best["height"]) == (451, 300)
    assert all(set(tag) == {"tag", "confidence"} for tag in best["tags"])
    assert "cat" in [tag["tag"] for tag in best["tags"]]


def test_a_pipe_gets_lines_and_paths_alone_when_asked(indexed_samples) -> None:
    lines = indexed_samples("query", "cat", "-n", "2").stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].split("\t")[1] == str(SAMPLES / "cat.jpg")
    paths = indexed_samples("query", "cat", "-n", "2", "--paths").stdout.splitlines()
    assert paths == [line.split("\t")[1] for line in lines]
    assert indexed_samples("query", "cat", "-n", "2", "-0").stdout == "".join(
        f"{path}\0" for path in paths
    )


def test_filters_come_before_the_limit(photond, photos, sample) -> None:
    for name in ("cat", "raccoon", "coffee", "rocket"):
        sample(name, photos / "first" / f"{name}.jpg")
    sample("moon", photos / "second [x]" / "moon.jpg")
    sample("earth", photos / "second" / "earth.jpg")
    photond("index", photos)
    run = photond("query", "cat", "--limit", "1", "--in", photos / "second [x]", "--json")
    assert names(run.json) == ["moon"]
    run = photond("query", "cat", "--in", photos / "second", "--in", photos / "first", "--json")
    assert set(names(run.json)) == {"cat", "raccoon", "coffee", "rocket", "earth"}


def test_a_folder_is_named_relative_to_where_one_stands(photond, sample) -> None:
    sample("cat", photond.home / "here" / "a.jpg")
    photond("index", "here")
    assert len(photond("query", "cat", "--in", "here", "--json").json) == 1
    assert photond("query", "cat", "--in", "her", "--json", code=1).json == []


def test_dates_filter_by_when_a_photo_was_taken(photond, photos, sample) -> None:
    sample("mountain", photos / "mountain.jpg")  # states 2012-08-18
    undated = sample("cat", photos / "cat.jpg")
    moment = datetime(2020, 5, 5, 12).timestamp()
    os.utime(undated, (moment, moment))
    photond("index", photos)

    def found(*options: str) -> list[str]:
        return sorted(names(photond("query", "x", "--json", *options, code=None).json))

    assert found("--since", "2012") == ["cat", "mountain"]
    assert found("--since", "2012-08-18", "--until", "2012-08-18") == ["mountain"]
    assert found("--until", "2012-08-17") == []
    assert found("--since", "2013") == ["cat"]
    assert found("--since", "2020-05", "--until", "2020-05-05") == ["cat"]
    assert found("--until", "2012") == ["mountain"]


def test_a_tag_is_required_or_forbidden(indexed_samples) -> None:
    everything = indexed_samples("query", "cat", "--json", "-n", "100").json
    tagged = {hit["path"] for hit in everything if "cat" in [t["tag"] for t in hit["tags"]]}
    assert tagged
    with_tag = indexed_samples("query", "x", "--tag", "cat", "--json", "-n", "100").json
    assert {hit["path"] for hit in with_tag} == tagged
    without = indexed_samples("query", "x", "--tag", "!cat", "--json", "-n", "100").json
    assert {hit["path"] for hit in without} == {hit["path"] for hit in everything} - tagged


def test_a_minimum_score_cuts_the_tail_off(indexed_samples) -> None:
    everything = indexed_samples("query", "cat", "--json", "-n", "100").json
    middle = everything[5]["score"]
    kept = indexed_samples("query", "cat", "--json", "-n", "100", "--min-score", f"{middle}").json
    assert 4 <= len(kept) <= 7
    assert all(hit["score"] >= middle - 1e-6 for hit in kept)


def test_a_limit_beyond_what_sqlite_vec_can_do_still_answers_in_order(indexed_samples) -> None:
    few = indexed_samples("query", "cat", "--json", "-n", "100").json
    many = indexed_samples("query", "cat", "--json", "-n", "5000").json
    assert [hit["path"] for hit in many] == [hit["path"] for hit in few]


def test_nothing_found_is_said_and_exits_with_1(indexed_samples) -> None:
    run = indexed_samples("query", "cat", "--since", "2150", code=1)
    assert run.stdout == ""
    assert "no photo was found" in run.stderr


@pytest.mark.parametrize(
    "text", ["🏖️", "חתול", "一只猫", "x" * 5000, 'it\'s 100% "quoted" -dashed', "\0"]
)
def test_any_text_is_a_query(indexed_samples, text) -> None:
    if "\0" in text:
        text = text.replace("\0", "\x01")  # an argument cannot hold a NUL
    assert len(indexed_samples("query", "--json", "--", text).json) == 20


def test_similar_leaves_the_photo_itself_out(indexed_samples) -> None:
    hits = indexed_samples("similar", SAMPLES / "mountain.jpg", "--json").json
    assert names(hits)[0] == "waterfall"
    assert "mountain" not in names(hits)
    assert hits[0]["probability"] is None


def test_similar_takes_a_photo_that_is_not_indexed(indexed_samples, tmp_path) -> None:
    stranger = tmp_path / "stranger.png"
    Image.open(SAMPLES / "sunflowers.jpg").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(stranger)
    hits = indexed_samples("similar", stranger, "--json").json
    assert names(hits)[0] == "sunflowers"
    assert hits[0]["score"] > 0.9


@pytest.mark.parametrize("what", ["nothing.jpg", "broken.jpg"])
def test_similar_to_what_cannot_be_read_is_a_usage_error(indexed_samples, tmp_path, what) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    run = indexed_samples("similar", tmp_path / what, code=2)
    assert what in run.stderr


def test_tags_of_photos_and_of_all(indexed_samples) -> None:
    (of_cat,) = indexed_samples("tags", SAMPLES / "cat.jpg", "--json").json
    assert "cat" in [tag["tag"] for tag in of_cat["tags"]]
    counts = indexed_samples("tags", "--json").json
    assert {"tag", "photos"} == set(counts[0])
    assert [one["photos"] for one in counts] == sorted(
        (one["photos"] for one in counts), reverse=True
    )
    run = indexed_samples("tags", "/nowhere.jpg", code=1)
    assert "/nowhere.jpg is not in the index" in run.stderr


def test_changed_thresholds_tag_everything_anew(photond, photos, sample) -> None:
    sample("cat", photos / "a.jpg")
    photond("index", photos)
    assert photond("tags", "--json").json
    photond("index", photos, PHOTOND_TAGS_MAX_TAGS="0")
    assert photond("tags", "--json").json == []
    photond("index", photos, PHOTOND_TAGS_MAX_TAGS="1")
    assert len(photond("tags", "--json").json) == 1


def test_status_tells_what_there_is(indexed_samples) -> None:
    status = indexed_samples("status", "--json").json
    assert status["photos"] == len(list(SAMPLES.glob("*.jpg")))
    assert (status["waiting"], status["failed"], status["pack"]) == (0, [], "mini")
    assert status["folders"][0]["path"] == str(SAMPLES)
    assert status["folders"][0]["scan_finished_at"] is not None


def test_the_index_is_its_owners_alone(indexed_samples) -> None:
    for file in indexed_samples.database.parent.iterdir():
        if file.name.startswith("index.db"):
            assert file.stat().st_mode & 0o077 == 0, file


def test_the_doctor_finds_nothing_wrong(indexed_samples) -> None:
    findings = indexed_samples("doctor", "--json").json
    assert {one["subject"] for one in findings} >= {
        "sqlite",
        "sqlite-vec",
        "model",
        "index",
        "disk",
    }
    assert "error" not in {one["verdict"] for one in findings}


def test_the_doctor_finds_an_embedding_without_a_photo(photond, photos, sample) -> None:
    sample("cat", photos / "a.jpg")
    photond("index", photos)
    connection = open_index(photond.database)
    connection.execute("pragma foreign_keys = off")
    connection.execute("delete from contents")
    connection.close()
    run = photond("doctor", code=1)
    assert "belong to no photo" in run.stdout
