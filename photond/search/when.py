"""Dates in words: from "last week" or "3 days ago" to the dates that `photond.search.dates` reads.

Periods that come again (weeks, months, summers) are worked out here, where it can be said which one is
meant, and so is what is common and must be quick; the rest is dateparser's.
"""

import re
from datetime import datetime, timedelta

from photond.errors import UsageError
from photond.search.dates import first_moment
from photond.search.language import Edge

_REMEDY = (
    'Write 2024, 2024-06, 2024-06-01, 2024-06-01T14:30, or words such as "last week", "3 days ago", '
    '"june 2023".'
)

# The first moment, and the first one after; of naive local wall time, as all here.
_Period = tuple[datetime, datetime]

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"),
            ("february", "feb"),
            ("march", "mar"),
            ("april", "apr"),
            ("may",),
            ("june", "jun"),
            ("july", "jul"),
            ("august", "aug"),
            ("september", "sep", "sept"),
            ("october", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}
# Seasons are the northern half's, in whole months: the first one of three.
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_HOLIDAYS = {"christmas", "xmas"}
_YEARLY = "|".join([*_MONTHS, *_SEASONS, *_HOLIDAYS])

_RECURRING = re.compile(rf"(?:(last|this|next) )?(week|weekend|month|year|{_YEARLY})")
_OF_YEAR = re.compile(rf"({_YEARLY}) (?:of )?([0-9]{{4}}|last year|this year)")
_UNITS = "day|week|month|year"
_AGO = re.compile(rf"(?:([0-9]{{1,4}})|an?) ({_UNITS})s? ago")
_PAST = re.compile(rf"(?:last|past) (?:([0-9]{{1,4}}) ({_UNITS})s|({_UNITS}))")
_DAYS_AGO = {"today": 0, "yesterday": 1}
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}(?![0-9])")
# dateparser takes "a", "5" and "1990s" for dates as well.
_WORTH_ASKING = re.compile(
    r"(?=.*(?:[a-z]{3}|[0-9]:[0-9]|[0-9]{4}[-./]|[-./][0-9]+[-./]|[-./][0-9]{4}))[a-z0-9 ,.:/-]{3,40}"
)


def resolve(text: str, edge: Edge, now: datetime) -> str:
    """A date for `photond.search.dates`, from one that may be in words.

    Args:
        text: Such as `2024-06`, which stays as it is, or `last week`; English.
        edge: Whether the first or the last of what it names counts.
        now: Local wall time, naive.

    Returns:
        A day (`2024-06-01`) where a day begins or ends there, otherwise with the time
        (`2024-06-01T14:30:00`).

    Raises:
        UsageError: It is no date, or one that can be read in two ways.
    """
    try:
        first_moment(text)
    except UsageError:
        if _ISO.match(text.strip()):
            raise
    else:
        return text.strip()
    words = " ".join(text.lower().split()).removeprefix("the ")
    try:
        period = next(filter(None, (read(words, now) for read in _READERS)), None)
        if period is not None:
            return _since(period[0]) if edge == "since" else _until(period[1])
    except (ValueError, OverflowError):
        pass  # out of the calendar
    raise UsageError(f"{text!r} is not a date", _REMEDY)


def _since(first: datetime) -> str:
    is_midnight = first == _day(first)
    return first.date().isoformat() if is_midnight else first.isoformat(timespec="seconds")


def _until(end: datetime) -> str:
    if end == _day(end):
        return (end - timedelta(days=1)).date().isoformat()
    return (end - timedelta(seconds=1)).isoformat(timespec="seconds")


def _recurring(words: str, now: datetime) -> _Period | None:
    """`last june` is the last one that is over, `june` the last one that has begun."""
    match = _RECURRING.fullmatch(words)
    if match is None:
        return None
    which, name = match.groups()
    around = [_occurrence(name, now, offset) for offset in range(-2, 3)]
    if which == "last":
        return max(period for period in around if period[1] <= now)
    if which == "next":
        return min(period for period in around if period[0] > now)
    if which == "this":
        lasting = [period for period in around if period[0] <= now < period[1]]
        return lasting[0] if lasting else around[2]
    return max(period for period in around if period[0] <= now)


def _occurrence(name: str, now: datetime, offset: int) -> _Period:
    """The one of this week, month or year, or so many of them later or earlier."""
    if name in {"week", "weekend"}:
        monday = _day(now) - timedelta(days=now.weekday()) + timedelta(weeks=offset)
        after = monday + timedelta(days=7)
        return (monday, after) if name == "week" else (after - timedelta(days=2), after)
    if name == "month":
        return _months(now.year, now.month + offset, 1)
    if name == "year":
        return _months(now.year + offset, 1, 12)
    return _in_year(name, now.year + offset)


def _in_year(name: str, year: int) -> _Period:
    """A month, a season (of the year in which it begins) or a holiday."""
    if name in _HOLIDAYS:
        eve = datetime(year, 12, 24)  # noqa: DTZ001 - wall time
        return eve, eve + timedelta(days=3)
    if name in _SEASONS:
        return _months(year, _SEASONS[name], 3)
    return _months(year, _MONTHS[name], 1)


def _months(year: int, month: int, count: int) -> _Period:
    """So many whole months; a month below 1 or above 12 lies in another year."""

    def first_of(months: int) -> datetime:
        return datetime(months // 12, months % 12 + 1, 1)  # noqa: DTZ001 - wall time

    months = year * 12 + month - 1
    return first_of(months), first_of(months + count)


def _of_year(words: str, now: datetime) -> _Period | None:
    """`june 2023`, `summer of 2022`, `christmas last year`."""
    match = _OF_YEAR.fullmatch(words)
    if match is None:
        return None
    name, year = match.groups()
    named = {"this year": now.year, "last year": now.year - 1}
    return _in_year(name, named[year] if year in named else int(year))


def _ago(words: str, now: datetime) -> _Period | None:
    """`yesterday`, `2 months ago`: a day."""
    if words in _DAYS_AGO:
        return _whole_day(_back(now, _DAYS_AGO[words], "day"))
    match = _AGO.fullmatch(words)
    return None if match is None else _whole_day(_back(now, int(match[1] or 1), match[2]))


def _past(words: str, now: datetime) -> _Period | None:
    """`last 3 days`, `past week`: from so long ago until today."""
    match = _PAST.fullmatch(words)
    if match is None:
        return None
    count, unit, only = match.groups()
    return _day(_back(now, int(count or 1), unit or only)), _whole_day(now)[1]


def _back(now: datetime, count: int, unit: str) -> datetime:
    """So many days, weeks, months or years before; at a month's end where it has no such day."""
    if unit in {"day", "week"}:
        return now - timedelta(days=count * (7 if unit == "week" else 1))
    first, after = _months(now.year, now.month - count * (12 if unit == "year" else 1), 1)
    return first + timedelta(days=min(now.day, (after - first).days) - 1)


def _spoken(words: str, now: datetime) -> _Period | None:
    """What dateparser makes of words.

    Raises:
        UsageError: A day and a month that could be each other.
    """
    if not _WORTH_ASKING.fullmatch(words):
        return None
    asked = (_asked(words, now, order) for order in ("DMY", "MDY"))
    readings = sorted({period for period in asked if period is not None})
    if len(readings) > 1:
        either = " or ".join(_since(first) for first, _ in readings)
        raise UsageError(f"{words!r} can be read in two ways", f"Write {either}.")
    return readings[0] if readings else None


def _asked(words: str, now: datetime, order: str) -> _Period | None:
    """What dateparser makes of words, with day, month and year in an order."""
    from dateparser.date import DateDataParser  # noqa: PLC0415 - takes 50 ms

    # What is relative keeps this microsecond, which nobody writes.
    base = now.replace(microsecond=1)
    settings = {
        "DATE_ORDER": order,
        "PREFER_DATES_FROM": "past",
        "RELATIVE_BASE": base,
        "RETURN_TIME_AS_PERIOD": True,
        "TIMEZONE": "UTC",  # what it takes wall time for; nothing is converted
    }
    found = DateDataParser(languages=["en"], settings=settings).get_date_data(words)
    date = found.date_obj
    # A time of another zone, or a part of a day such as "tonight", whose hours nobody has agreed on.
    if date is None or date.tzinfo is not None or found.period == "part_of_day":
        return None
    if found.period == "time":
        moment = date.replace(microsecond=0)
        return moment, moment + timedelta(seconds=1)
    # Two months ago is a day, and not a month.
    if date.microsecond == base.microsecond or found.period == "day":
        return _whole_day(date)
    return _months(date.year, date.month, 1) if found.period == "month" else None


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _whole_day(moment: datetime) -> _Period:
    return _day(moment), _day(moment) + timedelta(days=1)


# The first to make something of the words has it; dateparser, which takes longest to load, comes last.
_READERS = (_recurring, _of_year, _ago, _past, _spoken)
