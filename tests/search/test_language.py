import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from photond.errors import UsageError
from photond.search.language import QueryError, parse, render
from photond.search.question import MOST, Place, Question, Term, is_path, merge

# Whatever people type, and what stands for bytes that are no text; the language's own characters often.
CHARACTERS = st.characters(codec=None, exclude_characters="\0") | st.sampled_from(
    list(' \t\n"“”„\\:*-!,.0159aB/~\udcff')
)
VALUES = st.text(CHARACTERS, min_size=1, max_size=12).filter(lambda text: not text.isspace())
TAGS = VALUES.filter(lambda text: text.removeprefix("!").strip())
WEIGHTS = (st.floats(0.01, 100) | st.sampled_from([0.5, 1, 2])).flatmap(
    lambda weight: st.sampled_from([weight, -weight])
)
PLACES = st.builds(
    Place,
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.floats(0, 20_040, exclude_min=True),
)


def several(values):
    return st.lists(values, max_size=4).map(tuple)


QUESTIONS = st.builds(
    Question,
    terms=several(st.builds(Term, VALUES, WEIGHTS)),
    like=several(VALUES),
    not_like=several(VALUES),
    folders=several(VALUES),
    since=st.none() | VALUES,
    until=st.none() | VALUES,
    tags=several(TAGS),
    cameras=several(VALUES),
    lenses=several(VALUES),
    near=st.none() | PLACES,
    orientation=st.sampled_from([None, "portrait", "landscape", "square"]),
)

# Pieces of the language, right and wrong, so that random texts get past its first rules.
PIECES = st.sampled_from(
    [
        *'-*"“”„\\:! \n.5',
        "2*",
        "-0.5*",
        "beach",
        "tag:",
        "-tag:",
        "in:",
        "near:52,13",
        "since:",
        "on:2024",
        "camra:",
        "re:",
        "like:",
        "orientation:square",
        "\udcff",
    ]
)


def question_or_error(text: str) -> Question | QueryError:
    try:
        return parse(text)
    except QueryError as error:
        return error


@given(QUESTIONS)
def test_every_question_is_read_back_from_its_text(question: Question) -> None:
    assert parse(render(question)) == question


@given(st.lists(PIECES | st.text(max_size=5), max_size=12).map("".join) | st.text(CHARACTERS))
@example("\0")
@example("-")
@example('tag:"a')
@example("1" * 400 + "*dog")
def test_any_text_is_a_question_or_an_error_that_points_into_it(text: str) -> None:
    question = question_or_error(text)
    if isinstance(question, QueryError):
        assert 0 <= question.position <= len(text)
        assert "^" in str(question)
        assert all(line.isprintable() for line in str(question).splitlines())
        return
    assert parse(render(question)) == question
    assert render(parse(render(question))) == render(question)


@given(
    st.lists(
        st.sampled_from(["beach", "at", "sunset", "-people", "2*dog", '"old town"']), max_size=6
    ),
    st.sampled_from(["tag:food", '-tag:"two words"', "in:2024/", 'since:"last week"', "near:1,2"]),
    st.data(),
)
def test_where_a_filter_stands_changes_nothing(concepts, one, data) -> None:
    place = data.draw(st.integers(0, len(concepts)))
    amid = [*concepts[:place], one, *concepts[place:]]
    assert parse(" ".join(amid)) == parse(" ".join([*concepts, one]))


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        (" \n ", []),
        ("beach at sunset", [Term("beach at sunset")]),
        ("beach  at\tsunset", [Term("beach at sunset")]),
        ('"beach at sunset" dog', [Term("beach at sunset"), Term("dog")]),
        (
            "beach at sunset -people 2*dog",
            [Term("beach at sunset"), Term("people", -1), Term("dog", 2)],
        ),
        ("2*dog on a beach", [Term("dog", 2), Term("on a beach")]),
        ('-"two words" 0.5*"old town"', [Term("two words", -1), Term("old town", 0.5)]),
        ("-0.5*people -.5*x -2.*y", [Term("people", -0.5), Term("x", -0.5), Term("y", -2)]),
        ("a t-shirt", [Term("a t-shirt")]),
        ("rock 'n' roll", [Term("rock 'n' roll")]),
        ("a - b -- c * d", [Term("a - b -- c * d")]),
        ("http://example.org 12:30 re:zero", [Term("http://example.org 12:30 re:zero")]),
        ('12" records', [Term('12" records')]),
        (r'"a \"quote\" and a \\ and \n"', [Term(r'a "quote" and a \ and \n')]),
        ("“old town” „alte Stadt“", [Term("old town"), Term("alte Stadt")]),
        ('"tag:food"', [Term("tag:food")]),
        ("Eiffel Tower", [Term("Eiffel Tower")]),
        ("-5 1e3*x", [Term("5", -1), Term("1e3*x")]),
        ("bike:red", [Term("bike:red")]),
        ("from: anna", [Term("from: anna")]),
    ],
)
def test_concepts_are_runs_of_words_phrases_and_what_has_a_sign_or_a_weight(text, terms) -> None:
    assert parse(text) == Question(terms=tuple(terms))


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("tag:food -tag:party tag:!blurry", Question(tags=("food", "!party", "!blurry"))),
        ('-tag:"ice cream"', Question(tags=("!ice cream",))),
        (
            'camera:"X-T4" Camera:canon lens:35mm',
            Question(cameras=("X-T4", "canon"), lenses=("35mm",)),
        ),
        ("since:2024-06 until:yesterday", Question(since="2024-06", until="yesterday")),
        ('on:"last week"', Question(since="last week", until="last week")),
        ('in:2024/ in:"~/My Pictures"', Question(folders=("2024/", "~/My Pictures"))),
        ("near:52.52,13.40", Question(near=Place(52.52, 13.4, 10))),
        ("near:52.52,13.40,500m", Question(near=Place(52.52, 13.4, 0.5))),
        ('near:"-52.52, +13.4, 2 MI"', Question(near=Place(-52.52, 13.4, 3.218688))),
        ("near:52,13,7", Question(near=Place(52, 13, 7))),
        ("orientation:Portrait", Question(orientation="portrait")),
        ("like:party.jpg not-like:a.jpg", Question(like=("party.jpg",), not_like=("a.jpg",))),
        ("not_like:a.jpg -like:b.jpg", Question(not_like=("a.jpg", "b.jpg"))),
        ("like:caf\udce9.jpg", Question(like=("caf\udce9.jpg",))),
    ],
)
def test_filters_are_keys_with_values(text: str, question: Question) -> None:
    assert parse(text) == question


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ('beach "at sunset', 6, "the quote is not closed"),
        ('tag:"x', 4, "the quote is not closed"),
        ('a ""', 2, "nothing between the quotes"),
        ("a tag:", 6, "tag: has no value"),
        ("tag: food", 4, "tag: has no value"),
        ("a tag:!", 6, "there is no tag"),
        ("-tag:!x", 0, "negated twice"),
        ('in:"My"/x', 7, "a space is missing"),
        (r"in:My\ Pictures", 5, "a backslash does not keep a space"),
        ("a camra:x", 2, r"no filter camra:\n  a camra:x\n    \^\nDid you mean camera:"),
        ("-Tags:x", 1, "Did you mean tag:"),
        ("before:2024", 0, "Did you mean until:"),
        ("a -camera:x", 2, "camera: cannot be taken away"),
        ("2*tag:x", 0, "has no weight"),
        ("2* dog", 0, "a weight without a word"),
        ("a 2*-dog", 4, "a minus behind a weight"),
        ("a 0*dog", 2, "a weight of 0 is out of range"),
        ("1000*dog", 0, "Weights go from 0.01 to 100"),
        ("since:2024 on:2023", 11, "since: is given twice"),
        ("near:1,2 near:1,2", 9, "near: is given twice"),
        ("near:Berlin", 5, "'Berlin' is no place"),
        ("near:91,0", 5, "91 is no latitude"),
        ("near:0,181", 5, "181 is no longitude"),
        ("near:0,0,0km", 5, "a distance of 0 km"),
        ("near:0,0,1e999km", 5, "a distance of inf km"),
        ("orientation:up", 12, "There are portrait, landscape, square"),
        ("a\0", 1, "NUL"),
        ("dog " + "-x " * MOST, 4 + 3 * (MOST - 1), "more than 100"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(text: str, position: int, message: str) -> None:
    with pytest.raises(QueryError, match=message) as raised:
        parse(text)
    assert raised.value.position == position


def test_the_caret_stands_below_the_character_however_wide_those_before_it_are() -> None:
    with pytest.raises(QueryError) as raised:
        parse('日本 e\u0301\t"x')
    assert str(raised.value).splitlines()[1:3] == ['  日本 e\u0301 "x', "         ^"]


def test_of_a_long_text_the_part_around_the_mistake_is_shown() -> None:
    with pytest.raises(QueryError) as raised:
        parse("word " * 1000 + '"x' + " word" * 1000)
    _, line, caret, *_ = str(raised.value).splitlines()
    assert line[caret.index("^")] == '"'
    assert len(line) < 100


def test_a_date_that_is_read_stands_in_the_question_and_a_wrong_one_is_pointed_at() -> None:
    def read_date(text: str, edge: str) -> str:
        if text == "never":
            raise UsageError("that is no date", "Write another.")
        return f"{edge} {text}"

    question = parse("on:monday", read_date)
    assert (question.since, question.until) == ("since monday", "until monday")
    with pytest.raises(
        QueryError, match=r'  a until:"never"\n           \^\nWrite another'
    ) as raised:
        parse('a until:"never"', read_date)
    assert raised.value.position == 9


@pytest.mark.parametrize("piece", ["1", "a-", '"a', "\\", "near:1", "tag:", "x "])
def test_a_text_of_a_million_characters_is_read_in_one_go(piece: str) -> None:
    # Would take hours if anything were gone back over.
    text = piece * (1_000_000 // len(piece))
    for whole in (text, f"near:{text}", f'"{text}"'):
        question_or_error(whole)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (Question(), ""),
        (
            Question(
                terms=(Term("a beach"), Term("people", -1), Term("old town", 0.5), Term("dog"))
            ),
            'a beach -people 0.5*"old town" dog',
        ),
        (Question(terms=(Term("a"), Term("b"), Term("12:30", -1))), 'a "b" -"12:30"'),
        (Question(since="2024", until="2024", tags=("!a b",)), '-tag:"a b" on:2024'),
        (Question(folders=("a b", "c\\", 'd"')), r'in:"a b" in:"c\\" in:d"'),
        (Question(near=Place(52.52, 13.0, 0.5)), "near:52.52,13,0.5km"),
    ],
)
def test_a_question_is_written_as_people_would(question: Question, text: str) -> None:
    assert render(question) == text


@pytest.mark.parametrize(
    "make",
    [
        lambda: Term(" "),
        lambda: Term("dog", float("nan")),
        lambda: Term("dog", float("inf")),
        lambda: Place(float("nan"), 0),
        lambda: Place(0, 0, float("nan")),
        lambda: Question(tags=("",)),
        lambda: Question(tags=("!",)),
        lambda: Question(since="\n"),
        lambda: Question(like=("a\0",)),
        lambda: Question(cameras=("x",) * (MOST + 1)),
    ],
)
def test_a_question_that_could_not_be_asked_cannot_be_made(make) -> None:
    with pytest.raises(UsageError):
        make()


def test_options_add_to_what_the_text_says() -> None:
    text = Question(terms=(Term("dog"),), tags=("a",), since="2024")
    options = Question(like=("x.jpg",), tags=("b",), until="2025", orientation="square")
    assert merge(text, options) == Question(
        terms=(Term("dog"),),
        like=("x.jpg",),
        tags=("a", "b"),
        since="2024",
        until="2025",
        orientation="square",
    )


def test_an_option_and_a_text_that_say_two_things_of_one_are_an_error() -> None:
    assert merge(Question(since="2024"), Question(since="2024")) == Question(since="2024")
    with pytest.raises(UsageError, match="since is given in the text and as an option"):
        merge(Question(since="2024"), Question(since="2023"))


@given(QUESTIONS)
def test_an_empty_question_adds_nothing(question: Question) -> None:
    assert merge(question, Question()) == merge(Question(), question) == question


@pytest.mark.parametrize("folder", ["/a", "~", "~/a", ".", "..", "./a", "../a"])
def test_a_folder_that_begins_like_a_path_is_one(folder: str) -> None:
    assert is_path(folder)


@pytest.mark.parametrize("folder", ["2024", "2024/Lisbon", ".hidden", "..."])
def test_any_other_folder_is_a_name(folder: str) -> None:
    assert not is_path(folder)


def test_reading_a_query_imports_nothing_that_is_slow() -> None:
    script = """
import sys
from datetime import datetime
from photond.search.language import parse, render
from functools import partial
from photond.search.when import resolve
render(parse("dog since:2024 until:yesterday", partial(resolve, now=datetime(2024, 6, 1))))
print(*sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    slow = {"dateparser", "difflib", "json", "numpy", "typer", "unicodedata"}
    assert not slow & set(ran.stdout.split())
