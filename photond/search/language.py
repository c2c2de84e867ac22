"""The query language: a question to the index as one line of text that people write.

docs/query.md has the grammar. `render` and `parse` are each other's inverse, and both are pure: dates
and paths stay as they were written.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from photond.errors import UsageError
from photond.search.question import (
    MOST,
    Place,
    Question,
    Term,
    check_tag,
    is_path,
    merge,
    parse_orientation,
    parse_place,
)
from photond.search.reading import OPENING, Concept, Filter, QueryError, read

__all__ = ["Place", "QueryError", "Question", "Term", "is_path", "merge", "parse", "render"]

Edge = Literal["since", "until"]
ReadDate = Callable[[str, Edge], str]

# A filter's key, and the field of a question that its values go to.
_MANY = {
    "tag": "tags",
    "camera": "cameras",
    "lens": "lenses",
    "in": "folders",
    "like": "like",
    "not-like": "not_like",
}
_EDGES: dict[str, tuple[Edge, ...]] = {
    "since": ("since",),
    "until": ("until",),
    "on": ("since", "until"),
}
_SINGLE: dict[str, tuple[str, ...]] = {**_EDGES, "near": ("near",), "orientation": ("orientation",)}
_SAFE_VALUE = re.compile(rf"[^\s{OPENING}]\S*(?<!\\)")
_SAFE_WORD = re.compile(rf"[^\s:*{OPENING}-][^\s:*]*")


def parse(text: str, read_date: ReadDate = lambda text, _edge: text) -> Question:
    """The question that a text asks.

    Args:
        text: Of any length and any characters; what it asks for may be nothing.
        read_date: Makes of a date as written the one that stands in the question, such as
            `functools.partial(photond.search.when.resolve, now=now)`. Its `UsageError` becomes a
            `QueryError` that points at the date. Without it, dates stay as they were written.

    Raises:
        QueryError: The text breaks the rules.
    """
    draft = _Draft(text, read_date)
    for item in read(text):
        if isinstance(item, Concept):
            draft.add_concept(item)
        else:
            draft.add_filter(item)
    return draft.question()


class _Draft:
    """A question in the making."""

    def __init__(self, text: str, read_date: ReadDate) -> None:
        self._text = text
        self._read_date = read_date
        self._many: dict[str, list[Any]] = {}
        self._single: dict[str, Any] = {}
        self._run: list[str] = []
        self._run_position = 0

    def question(self) -> Question:
        self._end_run()
        many: dict[str, Any] = {field: tuple(values) for field, values in self._many.items()}
        return Question(**many, **self._single)

    def add_concept(self, concept: Concept) -> None:
        """A plain word continues the run before it, also across filters; others end it."""
        if concept.is_plain:
            if not self._run:
                self._run_position = concept.position
            self._run.append(concept.text)
            return
        self._end_run()
        with self._located(concept.position):
            self._add("terms", Term(concept.text, concept.weight))

    def _end_run(self) -> None:
        if self._run:
            with self._located(self._run_position):
                self._add("terms", Term(" ".join(self._run)))
            self._run = []

    def add_filter(self, one: Filter) -> None:
        with self._located(one.position):
            key, value = _affirmed(one)
            for field in _SINGLE.get(key, ()):
                if field in self._single:
                    raise UsageError(f"{field}: is given twice", "Leave one out.")
        with self._located(one.value_position):
            if key in _MANY:
                if key == "tag":
                    check_tag(value)
                self._add(_MANY[key], value)
            elif key == "near":
                self._single[key] = parse_place(value)
            elif key == "orientation":
                self._single[key] = parse_orientation(value)
            else:
                for edge in _EDGES[key]:
                    self._single[edge] = self._read_date(value, edge)

    def _add(self, field: str, value: str | Term) -> None:
        values = self._many.setdefault(field, [])
        if len(values) == MOST:
            raise UsageError(f"there are more than {MOST} of a kind", "Ask for fewer at a time.")
        values.append(value)

    @contextmanager
    def _located(self, position: int) -> Iterator[None]:
        """Lets what is wrong with a value be said with where it stands."""
        try:
            yield
        except UsageError as error:
            raise QueryError(self._text, position, error.message, error.remedy) from None


def _affirmed(one: Filter) -> tuple[str, str]:
    """The key and the value that say without a minus what a filter says."""
    if not one.is_negated:
        return one.key, one.value
    if one.key == "like":
        return "not-like", one.value
    if one.key != "tag":
        raise UsageError(
            f"{one.key}: cannot be taken away", "Only tag: and like: can have a minus before them."
        )
    if one.value.startswith("!"):
        raise UsageError("the tag is negated twice", "Write -tag:food or tag:!food.")
    return "tag", f"!{one.value}"


def render(question: Question) -> str:
    """The text that asks a question: concepts first, then filters; `parse` brings it back."""
    return " ".join([*_rendered_terms(question.terms), *_rendered_filters(question)])


def _rendered_terms(terms: tuple[Term, ...]) -> Iterator[str]:
    after_plain = False
    for term in terms:
        # Two plain runs in a row would be read as one.
        is_plain = term.weight == 1 and not after_plain and _is_plain(term.text)
        yield term.text if is_plain else _weight(term.weight) + _word(term)
        after_plain = is_plain


def _is_plain(text: str) -> bool:
    return all(_SAFE_WORD.fullmatch(word) for word in text.split(" "))


def _weight(weight: float) -> str:
    if abs(weight) == 1:
        return "-" if weight < 0 else ""
    return f"{_number(weight)}*"


def _word(term: Term) -> str:
    is_safe = term.weight != 1 and _SAFE_WORD.fullmatch(term.text)
    return term.text if is_safe else _quoted(term.text)


def _rendered_filters(question: Question) -> Iterator[str]:
    for key, field in _MANY.items():
        for value in getattr(question, field):
            is_without = field == "tags" and value.startswith("!") and not value.startswith("!!")
            yield f"-{key}:{_value(value[1:])}" if is_without else f"{key}:{_value(value)}"
    if question.since is not None and question.since == question.until:
        yield f"on:{_value(question.since)}"
    else:
        if question.since is not None:
            yield f"since:{_value(question.since)}"
        if question.until is not None:
            yield f"until:{_value(question.until)}"
    if (near := question.near) is not None:
        place = f"{_number(near.latitude)},{_number(near.longitude)}"
        yield f"near:{place},{_number(near.kilometres)}km"
    if question.orientation is not None:
        yield f"orientation:{question.orientation}"


def _value(value: str) -> str:
    """A filter's value, in quotes where it needs them."""
    return value if _SAFE_VALUE.fullmatch(value) else _quoted(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _number(number: float) -> str:
    return repr(float(number)).removesuffix(".0")
