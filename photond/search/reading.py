"""The words, phrases and filters that a query's text is made of, each with where it stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from photond.errors import UsageError

KEYS = (
    "tag",
    "camera",
    "lens",
    "in",
    "since",
    "until",
    "on",
    "near",
    "orientation",
    "like",
    "not-like",
)
OPENING = '"“”„'
_SYNONYMS = {
    "after": "since",
    "album": "in",
    "before": "until",
    "date": "on",
    "dir": "in",
    "directory": "in",
    "folder": "in",
    "from": "since",
    "keyword": "tag",
    "label": "tag",
    "lenses": "lens",
    "location": "near",
    "orient": "orientation",
    "path": "in",
    "place": "near",
    "similar": "like",
    "to": "until",
    "unlike": "not-like",
    "year": "on",
}
_LONGEST = 20  # characters of a word that may be a key misspelt
_SURE = 0.82  # of difflib's likeness: "tags" and "camra" are keys misspelt, "bike" is not "like"

# Possessive throughout: what is read is never gone back over, so that the time is linear in the length.
_SPACE = re.compile(r"\s*")
_BARE = re.compile(r"\S+")
_PREFIX = re.compile(r"(?P<minus>-(?=[^\s-]))?(?:(?P<weight>[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)\*)?")
_KEY = re.compile(r"([A-Za-z]++(?:[-_][A-Za-z]++)*+):")
_QUOTED = re.compile(
    r'"(?P<straight>(?:[^"\\]++|\\.)*+)"|[“”„](?P<curly>(?:[^“”\\]++|\\.)*+)[“”]', re.DOTALL
)
_ESCAPE = re.compile(r'\\(["“”„\\])')

_BEFORE, _BEHIND = 50, 25  # characters of the query that are shown around a mistake


class QueryError(UsageError):
    """A query's text breaks the rules of its language.

    Args:
        text: The whole text.
        position: The index of the character where it does, in [0, len(text)].
        message: What is wrong there.
        remedy: What to write instead.
    """

    def __init__(self, text: str, position: int, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.text = text
        self.position = position

    def __str__(self) -> str:
        return "\n".join(self.lines)

    @property
    def lines(self) -> list[str]:
        """The message, the text with the character pointed at, and the remedy."""
        return [*filter(None, (self.message, *_pointed(self.text, self.position), self.remedy))]


@dataclass(frozen=True, slots=True)
class Concept:
    """A word or a phrase.

    Attributes:
        position: Where it begins, with what stands before it.
        text: Without quotes, sign and weight.
        weight: 1 for a plain word; not checked.
        is_plain: Whether it is a word without a sign or a weight, which the next one may continue.
    """

    position: int
    text: str
    weight: float
    is_plain: bool


@dataclass(frozen=True, slots=True)
class Filter:
    """A `key:value`.

    Attributes:
        position: Where it begins.
        key: One of `KEYS`.
        value: Without quotes; not blank.
        value_position: Where the value begins, behind its quote.
        is_negated: Whether a minus stands before it.
    """

    position: int
    key: str
    value: str
    value_position: int
    is_negated: bool


def read(text: str) -> Iterator[Concept | Filter]:
    """What a text is made of, in order.

    Raises:
        QueryError: A quote is not closed, a value is missing, a weight has no word, a key is misspelt,
            or there is a NUL.
    """
    if "\0" in text:
        raise QueryError(text, text.index("\0"), "a NUL is no text")
    position = _after_space(text, 0)
    while position < len(text):
        item, position = _read_item(text, position)
        yield item
        position = _after_space(text, position)


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    assert match is not None
    return match.end()


def _read_item(text: str, start: int) -> tuple[Concept | Filter, int]:
    """The item that begins at `start`, and where it ends."""
    prefix = _PREFIX.match(text, start)
    assert prefix is not None
    position = prefix.end()
    if key := _read_key(text, position):
        if prefix["weight"]:
            raise QueryError(text, start, f"{key}: is a filter, which has no weight")
        return _read_filter(
            text, start, position + len(key) + 1, key, is_negated=bool(prefix["minus"])
        )
    if prefix["weight"] and _is_space(text, position):
        raise QueryError(
            text, start, "a weight without a word", 'Write 2*dog, or "2*" in quotes for the text.'
        )
    if prefix["weight"] and text[position] == "-":
        raise QueryError(text, position, "a minus behind a weight", "Write -2*dog.")
    if text[position] in OPENING:
        content, end = _read_quoted(text, position)
    else:
        content, end = _read_bare(text, position)
    weight = float(prefix["weight"] or 1) * (-1 if prefix["minus"] else 1)
    is_plain = prefix.end() == start and text[position] not in OPENING
    return Concept(start, content, weight, is_plain), end


def _read_key(text: str, position: int) -> str | None:
    """The key of the filter that begins there, if one does."""
    match = _KEY.match(text, position)
    if match is None:
        return None
    key = match[1].lower().replace("_", "-")
    if key in KEYS:
        return key
    if _is_space(text, match.end()) or text[match.end()] == "/":
        return None
    if meant := _nearest_key(key):
        raise QueryError(
            text,
            position,
            f"there is no filter {match[1]}:",
            f"Did you mean {meant}:? Put it in quotes if it is text.",
        )
    return None


def _nearest_key(word: str) -> str | None:
    """The key that is meant by a word which is none, if one is near."""
    if word in _SYNONYMS:
        return _SYNONYMS[word]
    if len(word) > _LONGEST:
        return None
    import difflib  # noqa: PLC0415 - takes 5 ms, and is for mistakes

    close = difflib.get_close_matches(word, KEYS, n=1, cutoff=_SURE)
    return close[0] if close else None


def _read_filter(
    text: str, start: int, position: int, key: str, *, is_negated: bool
) -> tuple[Filter, int]:
    if _is_space(text, position):
        raise QueryError(
            text, position, f"{key}: has no value", f'Write it right behind the colon: {key}:"…".'
        )
    if text[position] not in OPENING:
        value, end = _read_bare(text, position)
        if value.endswith("\\"):
            # Somebody means the space behind it, as in a shell, and would get half a path.
            raise QueryError(
                text, end - 1, "a backslash does not keep a space", f'Write {key}:"…" in quotes.'
            )
        return Filter(start, key, value, position, is_negated), end
    value, end = _read_quoted(text, position)
    if not _is_space(text, end):
        raise QueryError(text, end, "a space is missing behind the quote")
    return Filter(start, key, value, position + 1, is_negated), end


def _read_bare(text: str, position: int) -> tuple[str, int]:
    match = _BARE.match(text, position)
    assert match is not None
    return match[0], match.end()


def _read_quoted(text: str, position: int) -> tuple[str, int]:
    match = _QUOTED.match(text, position)
    if match is None:
        raise QueryError(text, position, "the quote is not closed", "Close it, or leave it out.")
    content = _ESCAPE.sub(r"\1", match["straight"] or match["curly"] or "")
    if not content.strip():
        raise QueryError(text, position, "there is nothing between the quotes")
    return content, match.end()


def _is_space(text: str, position: int) -> bool:
    """Whether a space or the end of the text is there."""
    return position >= len(text) or text[position].isspace()


def _pointed(text: str, position: int) -> tuple[str, str]:
    """A line of the text, and one below it with a caret under the character at `position`."""
    start, end = max(0, position - _BEFORE), position + _BEHIND
    before = ("…" if start else "") + _on_one_line(text[start:position])
    behind = _on_one_line(text[position:end]) + ("…" if end < len(text) else "")
    return f"  {before}{behind}", f"  {' ' * _columns(before)}^"


def _on_one_line(text: str) -> str:
    return "".join(
        char if char.isprintable() else " " if char.isspace() else "\ufffd" for char in text
    )


def _columns(text: str) -> int:
    """How wide a terminal shows a text."""
    from unicodedata import combining, east_asian_width  # noqa: PLC0415 - for mistakes only

    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in {"W", "F"} else 1 for char in text
    )
