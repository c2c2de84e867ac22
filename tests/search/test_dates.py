from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.errors import UsageError
from photond.search.dates import end_moment, first_moment


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("2024", datetime(2024, 1, 1), datetime(2025, 1, 1)),
        ("2024-02", datetime(2024, 2, 1), datetime(2024, 3, 1)),
        ("2023-12", datetime(2023, 12, 1), datetime(2024, 1, 1)),
        ("2024-02-29", datetime(2024, 2, 29), datetime(2024, 3, 1)),
        ("2024-W05", datetime(2024, 1, 29), datetime(2024, 2, 5)),
        ("2024-02-29T13:30", datetime(2024, 2, 29, 13, 30), datetime(2024, 2, 29, 13, 30, 1)),
        (" 2024-06 ", datetime(2024, 6, 1), datetime(2024, 7, 1)),
    ],
)
def test_a_date_names_the_whole_of_what_it_says(text: str, first: datetime, end: datetime) -> None:
    assert first_moment(text) == first
    assert end_moment(text) == end


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2024-13", "2024-02-30", "24", "9999", "2024-6-"]
)
def test_what_is_no_date_is_said_to_be_none(text: str) -> None:
    with pytest.raises(UsageError, match="is not a date"):
        end_moment(text)


@given(st.text(max_size=20))
def test_any_text_is_a_date_or_a_usage_error(text: str) -> None:
    try:
        first, end = first_moment(text), end_moment(text)
    except UsageError:
        return
    assert first < end
