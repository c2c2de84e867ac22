from datetime import datetime
from functools import partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from photond.errors import UsageError
from photond.search.dates import end_moment, first_moment
from photond.search.language import QueryError, parse
from photond.search.when import resolve

WEDNESDAY = datetime(2026, 11, 25, 14, 30, 12)

VOCABULARY = """
last this next past the of in at ago first yesterday monday noon
day days week weekend month months year years summer winter june may christmas
0 3 31 2024 99999 14:30 01/02/2024 - . :
"""
WORDS = st.lists(st.sampled_from(VOCABULARY.split()), min_size=1, max_size=5).map(" ".join)


@pytest.mark.parametrize("text", ["2024", "2024-06", "2024-06-01", "2024-06-01 14:30", "2024-W05"])
def test_a_plain_date_stays_as_it_is(text: str) -> None:
    assert resolve(text, "since", WEDNESDAY) == resolve(text, "until", WEDNESDAY) == text


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("today", "2026-11-25", "2026-11-25"),
        ("Yesterday", "2026-11-24", "2026-11-24"),
        ("the day before yesterday", "2026-11-23", "2026-11-23"),
        ("monday", "2026-11-23", "2026-11-23"),
        ("last  friday", "2026-11-20", "2026-11-20"),
        ("3 days ago", "2026-11-22", "2026-11-22"),
        ("two weeks ago", "2026-11-11", "2026-11-11"),
        ("2 months ago", "2026-09-25", "2026-09-25"),
        ("a year ago", "2025-11-25", "2025-11-25"),
        ("this week", "2026-11-23", "2026-11-29"),
        ("last week", "2026-11-16", "2026-11-22"),
        ("last weekend", "2026-11-21", "2026-11-22"),
        ("last month", "2026-10-01", "2026-10-31"),
        ("last year", "2025-01-01", "2025-12-31"),
        ("next week", "2026-11-30", "2026-12-06"),
        ("past week", "2026-11-18", "2026-11-25"),
        ("past month", "2026-10-25", "2026-11-25"),
        ("last 3 days", "2026-11-22", "2026-11-25"),
        ("june", "2026-06-01", "2026-06-30"),
        ("december", "2025-12-01", "2025-12-31"),
        ("november", "2026-11-01", "2026-11-30"),
        ("last november", "2025-11-01", "2025-11-30"),
        ("last june", "2026-06-01", "2026-06-30"),
        ("Feb 2024", "2024-02-01", "2024-02-29"),
        ("june of last year", "2025-06-01", "2025-06-30"),
        ("june last year", "2025-06-01", "2025-06-30"),
        ("summer", "2026-06-01", "2026-08-31"),
        ("last summer", "2026-06-01", "2026-08-31"),
        ("this winter", "2026-12-01", "2027-02-28"),
        ("last winter", "2025-12-01", "2026-02-28"),
        ("winter 2023", "2023-12-01", "2024-02-29"),
        ("christmas", "2025-12-24", "2025-12-26"),
        ("christmas 2023", "2023-12-24", "2023-12-26"),
        ("6/2024", "2024-06-01", "2024-06-30"),
        ("2024-6-1", "2024-06-01", "2024-06-01"),
        ("1 June 2023", "2023-06-01", "2023-06-01"),
        ("June 1st, 2023", "2023-06-01", "2023-06-01"),
        ("13.02.2024", "2024-02-13", "2024-02-13"),
        ("12/25/2023", "2023-12-25", "2023-12-25"),
        ("yesterday at 14:30", "2026-11-24T14:30:00", "2026-11-24T14:30:00"),
        ("5 minutes ago", "2026-11-25T14:25:12", "2026-11-25T14:25:12"),
    ],
)
def test_words_name_whole_periods_of_the_calendar(text: str, since: str, until: str) -> None:
    assert resolve(text, "since", WEDNESDAY) == since
    assert resolve(text, "until", WEDNESDAY) == until


@pytest.mark.parametrize(
    ("now", "text", "since"),
    [
        (datetime(2026, 7, 10), "summer", "2026-06-01"),
        (datetime(2026, 7, 10), "last summer", "2025-06-01"),
        (datetime(2026, 2, 10), "this winter", "2025-12-01"),
        (datetime(2026, 2, 10), "last winter", "2024-12-01"),
        (datetime(2026, 1, 3), "last month", "2025-12-01"),
        (datetime(2026, 3, 31), "last month", "2026-02-01"),
        (datetime(2026, 3, 31), "a month ago", "2026-02-28"),
        (datetime(2024, 2, 29), "1 year ago", "2023-02-28"),
        (datetime(2026, 1, 1), "13 months ago", "2024-12-01"),
        (datetime(2026, 11, 22), "weekend", "2026-11-21"),
        (datetime(2026, 11, 22), "last weekend", "2026-11-14"),
        (datetime(2026, 11, 23), "last week", "2026-11-16"),
        (datetime(2026, 11, 22), "last week", "2026-11-09"),
        (datetime(2026, 11, 23), "monday", "2026-11-16"),
        (datetime(2026, 12, 25), "christmas", "2026-12-24"),
        (datetime(2026, 12, 25), "last christmas", "2025-12-24"),
    ],
)
def test_what_words_mean_depends_on_the_day_on_which_they_are_said(
    now: datetime, text: str, since: str
) -> None:
    assert resolve(text, "since", now) == since


@pytest.mark.parametrize(
    "text",
    ["dog", "a", "5", "3d", "1990s", "tonight", "14:30 EST", "31 june 2023", "999999999 days ago"],
)
def test_what_could_only_be_guessed_is_no_date(text: str) -> None:
    with pytest.raises(UsageError, match="is not a date"):
        resolve(text, "since", WEDNESDAY)


def test_a_plain_date_that_does_not_exist_is_not_read_in_another_way() -> None:
    with pytest.raises(UsageError, match="is not a date"):
        resolve("2024-13", "since", WEDNESDAY)


def test_a_day_and_a_month_that_could_be_each_other_are_asked_for() -> None:
    with pytest.raises(UsageError, match=r"two ways.*2024-01-02 or 2024-02-01"):
        resolve("01/02/2024", "since", WEDNESDAY)
    assert resolve("02.02.2024", "since", WEDNESDAY) == "2024-02-02"


@given(WORDS | st.text(max_size=20), st.datetimes())
@example("december 9999", datetime(9999, 12, 31))
@example("last year", datetime(1, 1, 1))
@settings(max_examples=200)
def test_any_text_is_a_plain_date_or_a_usage_error(text: str, now: datetime) -> None:
    try:
        since, until = resolve(text, "since", now), resolve(text, "until", now)
    except UsageError:
        return
    assert first_moment(since) < end_moment(until)
    assert resolve(since, "since", now) == since


def test_a_text_is_read_with_its_dates_and_an_error_points_at_the_wrong_one() -> None:
    read_date = partial(resolve, now=WEDNESDAY)
    question = parse('dog on:"last week"', read_date)
    assert (question.since, question.until) == ("2026-11-16", "2026-11-22")
    with pytest.raises(QueryError, match="is not a date") as raised:
        parse("dog since:never", read_date)
    assert raised.value.position == 10
