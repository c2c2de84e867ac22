"""The query language where people write it: on the command line."""

import json

import pytest

from tests.cli.test_query import names
from tests.conftest import SAMPLES


def test_a_concept_that_is_taken_away_needs_no_quotes(indexed_samples) -> None:
    quoted = indexed_samples("query", "animal -cat 2*fur", "--json").json
    assert indexed_samples("query", "animal", "-cat", "2*fur", "--json").json == quoted
    assert indexed_samples("query", "--json", "-n5", "animal", "-cat", "2*fur").json == quoted[:5]


def test_short_options_stay_options_and_two_dashes_end_them(indexed_samples) -> None:
    assert len(indexed_samples("query", "cat", "-n", "2", "--json").json) == 2
    assert len(indexed_samples("query", "-n2", "cat", "--json").json) == 2
    assert indexed_samples("query", "-n1", "-0", "cat").stdout.endswith("cat.jpg\0")
    assert "Usage" in indexed_samples("query", "-h").stdout
    found = indexed_samples("query", "--json", "--", "animal", "-night").json
    assert found == indexed_samples("query", "--json", "animal", "-night").json
    assert "No such option" in indexed_samples("query", "cat", "--limitt", "3", code=2).stderr


def test_options_and_text_say_the_same(indexed_samples) -> None:
    by_options = indexed_samples(
        "query", "sky", "--since", "2012", "--orientation", "landscape", "--tag", "!cat",
        "--in", SAMPLES, "--like", SAMPLES / "moon.jpg", "--not-like", SAMPLES / "cat.jpg", "--json",
    )  # fmt: skip
    by_text = indexed_samples(
        "query",
        f"sky since:2012 orientation:landscape -tag:cat in:{SAMPLES} "
        f"like:{SAMPLES}/moon.jpg -like:{SAMPLES}/cat.jpg",
        "--json",
    )
    assert by_options.json == by_text.json
    assert len(by_text.json) > 3


def test_paths_in_the_text_begin_where_one_stands_or_at_home(photond, sample) -> None:
    sample("cat", photond.home / "here" / "a.jpg")
    sample("coffee", photond.home / "there" / "b.jpg")
    photond("index", "here", "there")
    for text in ("in:./here", "in:~/here", "in:here", "like:./there/b.jpg", "like:~/there/b.jpg"):
        assert names(photond("query", text, "--json").json) == ["a"]
    assert names(photond("query", "like:there/b.jpg", "--json").json) == ["a"]
    assert names(photond("query", "--like", "there/b.jpg", "--json").json) == ["a"]


def test_dates_are_said_in_words(photond, sample) -> None:
    sample("cat", photond.home / "a.jpg")  # says no date, so that of the file counts
    photond("index", "a.jpg")
    assert len(photond("query", "cat", "--since", "yesterday", "--json").json) == 1
    assert len(photond("query", 'cat since:"2 days ago" until:today', "--json").json) == 1
    assert photond("query", 'cat until:"last week"', "--json", code=1).json == []


def test_filters_alone_are_a_query(indexed_samples) -> None:
    (mountain,) = indexed_samples("query", "on:2012-08-18", "--json").json
    assert (names([mountain]), mountain["score"]) == (["mountain"], None)
    assert names(indexed_samples("query", "--since", "2012", "--until", "2012", "--json").json) == [
        "mountain"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('cat "dog', "^"),
        ("camra:X-T4", "\n  camra:X-T4\n  ^\n"),
        ("cat since:never", "is not a date"),
        ("near:here", "is no place"),
        ("-people", "only what is not wanted"),
        ("dog -dog", "cancel each other"),
        ("  ", "the query is empty"),
        ("like:/nowhere.jpg", "there is no photo /nowhere.jpg"),
    ],
)
def test_a_query_that_is_wrong_is_said_to_be_in_a_sentence_that_helps(
    indexed_samples, text: str, said: str
) -> None:
    run = indexed_samples("query", text, code=2)
    assert said in run.stderr
    assert run.stdout == ""


def test_a_query_of_nothing_at_all_says_what_to_do(indexed_samples) -> None:
    assert 'photond query "beach"' in indexed_samples("query", code=2).stderr


def test_an_example_that_is_broken_is_said_to_be(indexed_samples, tmp_path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    for arguments in (["query", "cat", "--like", broken], ["similar", broken]):
        assert "broken.jpg cannot be used" in indexed_samples(*arguments, code=2).stderr


def test_the_text_and_an_option_may_not_contradict_each_other(indexed_samples) -> None:
    run = indexed_samples("query", "cat since:2012", "--since", "2013", code=2)
    assert "since is given in the text and as an option" in run.stderr


def test_pages_and_all_above_give_what_one_long_answer_gives(indexed_samples) -> None:
    everything = indexed_samples("query", "animal", "--json", "-n", "100").json
    page = indexed_samples("query", "animal", "--json", "-n", "3", "--offset", "4").json
    assert page == everything[4:7]
    by_score = sorted(everything, key=lambda hit: -hit["score"])
    least = by_score[4]["score"] - 1e-6
    run = indexed_samples("query", "animal", "--all-above", f"{least:.7f}", "--json")
    assert json.loads(run.stdout) == by_score[:5]


def test_without_an_index_or_with_an_empty_one_it_says_so(photond, photos) -> None:
    assert "there is no index" in photond("query", "cat", code=5).stderr
    photond("index", photos)
    assert "nothing is indexed" in photond("query", "cat", code=5).stderr


def test_by_names_alone_finds_files_and_folders(photond, photos, sample) -> None:
    sample("cat", photos / "Lisbon" / "IMG_2041.jpg")
    sample("coffee", photos / "Porto" / "IMG_2042.jpg")
    photond("index", photos)
    assert names(photond("query", "--exact", "IMG_2041", "--json").json) == ["IMG_2041"]
    assert names(photond("query", "--exact", "lisb", "--json").json) == ["IMG_2041"]
    assert photond("query", "--exact", "cat", "--json", code=1).json == []
    (photos / "Porto" / "IMG_2042.jpg").rename(photos / "Porto" / "Braga.jpg")
    (photos / "Lisbon").rename(photos / "Faro")
    photond("index", photos)
    assert names(photond("query", "--exact", "braga", "--json").json) == ["Braga"]
    assert photond("query", "--exact", "img_2042", "--json", code=1).json == []
    assert names(photond("query", "--exact", "faro", "--json").json) == ["IMG_2041"]
    assert photond("query", "--exact", "lisbon", "--json", code=1).json == []
