"""Dates as people write them on a command line."""

import re
from datetime import datetime, timedelta

from photond.errors import UsageError

_PARTIAL = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d{2}))?")
_WEEK = re.compile(r"\d{4}-?W\d{2}")


def first_moment(text: str) -> datetime:
    """The first moment of the year, month, day or time that a text names.

    Args:
        text: `2024`, `2024-06`, `2024-06-01`, or `2024-06-01T14:30`; local wall time.

    Raises:
        UsageError: It is none of these.
    """
    return _period(text)[0]


def end_moment(text: str) -> datetime:
    """The moment after the last one of the year, month or day that a text names.

    Raises:
        UsageError: It names none.
    """
    return _period(text)[1]


def _period(text: str) -> tuple[datetime, datetime]:
    """A period as its first moment and the first moment after it."""
    text = text.strip()
    try:
        if partial := _PARTIAL.fullmatch(text):
            year = int(partial["year"])
            if partial["month"] is None:
                return datetime(year, 1, 1), datetime(year + 1, 1, 1)  # noqa: DTZ001 - wall time
            month = int(partial["month"])
            start = datetime(year, month, 1)  # noqa: DTZ001
            after = (start + timedelta(days=31)).replace(day=1)
            return start, after
        start = datetime.fromisoformat(text).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is not a date", "Write 2024, 2024-06, 2024-06-01 or 2024-06-01T14:30."
        ) from None
    if _WEEK.fullmatch(text):
        return start, start + timedelta(days=7)
    is_a_day = "T" not in text and ":" not in text
    return start, start + (timedelta(days=1) if is_a_day else timedelta(seconds=1))
