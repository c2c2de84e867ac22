"""How values and names are put into one line of an error."""

import json
from collections.abc import Iterable

from photond.printable import printable

_LONGEST = 60
_HUGE = 1 << 63  # an integer with thousands of digits cannot even be printed


def quoted(text: str) -> str:
    """A string in double quotes, on one line and not too long."""
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    return printable(json.dumps(text, ensure_ascii=False))


def described(value: object) -> str:
    """What a value is, to follow "not"."""
    if isinstance(value, str):
        return f"the string {quoted(value)}" if value else "an empty string"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a huge number" if abs(value) >= _HUGE else str(value)
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a table"
    return "a date or time"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant, if one is near."""
    import difflib  # noqa: PLC0415 - takes 5 ms, and is for mistakes only

    close = difflib.get_close_matches(name.lower().replace("-", "_"), names, n=1)
    return close[0] if close else None
