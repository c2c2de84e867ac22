"""A question to the index, as plain data."""

import re
from dataclasses import dataclass, fields
from typing import Any, Literal, cast, get_args

from photond.errors import UsageError

Orientation = Literal["portrait", "landscape", "square"]

MOST = 100  # of one kind in a question: each costs an embedding, or a clause in SQL
LIGHTEST, HEAVIEST = 0.01, 100.0
DEFAULT_KILOMETRES = 10.0
_FARTHEST = 20_040.0  # half way around the Earth
_UNITS = {"km": 1.0, "m": 0.001, "mi": 1.609344}
_NUMBER = r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:e[+-]?[0-9]++)?"
_PLACE = re.compile(
    rf"\s*+({_NUMBER})\s*+,\s*+({_NUMBER})\s*+(?:,\s*+({_NUMBER})\s*+(km|mi|m)?\s*+)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Term:
    """One concept of a question.

    Attributes:
        text: What photos show; not blank.
        weight: How much it counts among the concepts; below 0 takes it away. Its magnitude lies in
            [0.01, 100].

    Raises:
        UsageError: It is none.
    """

    text: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        _check_value(self.text)
        if not LIGHTEST <= abs(self.weight) <= HEAVIEST:
            raise UsageError(
                f"a weight of {self.weight:g} is out of range",
                f"Weights go from {LIGHTEST:g} to {HEAVIEST:g}.",
            )


@dataclass(frozen=True, slots=True)
class Place:
    """A circle on the Earth.

    Attributes:
        latitude: In degrees, [-90, 90]; north is positive.
        longitude: In degrees, [-180, 180]; east is positive.
        kilometres: Its radius, in (0, 20,040].

    Raises:
        UsageError: There is no such circle.
    """

    latitude: float
    longitude: float
    kilometres: float = DEFAULT_KILOMETRES

    def __post_init__(self) -> None:
        for name, degrees, most in (
            ("latitude", self.latitude, 90),
            ("longitude", self.longitude, 180),
        ):
            if not -most <= degrees <= most:
                raise UsageError(
                    f"{degrees:g} is no {name}", f"It goes from -{most} to {most} degrees."
                )
        if not 0 < self.kilometres <= _FARTHEST:
            raise UsageError(
                f"a distance of {self.kilometres:g} km is out of range",
                f"It goes up to {_FARTHEST:g} km.",
            )


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the index.

    Attributes:
        terms: The concepts, in the order in which they were written.
        like: Paths of photos that the answers look like, as written.
        not_like: Paths of photos that they do not look like, as written.
        folders: They lie in one of these, as written; see `is_path`. Empty for anywhere.
        since: Taken then or later: a date for `photond.search.dates`, which `photond.search.when`
            makes of what was written.
        until: Taken then or earlier.
        tags: They have all of these; `!food` stands for not having one.
        cameras: The camera's name contains one of these, whatever the case. Empty for any.
        lenses: The same for the lens.
        near: Taken there.
        orientation: Of the picture as displayed.

    Raises:
        UsageError: A value is blank or contains a NUL, or there are more than 100 of a kind.
    """

    terms: tuple[Term, ...] = ()
    like: tuple[str, ...] = ()
    not_like: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    tags: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    lenses: tuple[str, ...] = ()
    near: Place | None = None
    orientation: Orientation | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            values = value if isinstance(value, tuple) else (value,)
            if len(values) > MOST:
                name = field.name.replace("_", "-")
                raise UsageError(f"there are more than {MOST} {name}", "Ask for fewer at a time.")
            for one in values:
                if isinstance(one, str):
                    _check_value(one)
        for tag in self.tags:
            check_tag(tag)


def is_path(folder: str) -> bool:
    """Whether one of a question's folders is a path, rather than a name or a part of paths.

    `/mnt/photos`, `~/Pictures`, `.` and `../2024` are paths; `2024` and `2024/Lisbon` may lie anywhere.
    """
    return folder.startswith(("/", "~", "./", "../")) or folder in {".", ".."}


def parse_place(text: str) -> Place:
    """A place from `52.52,13.40` or `52.52,13.40,10km`; kilometres, m or mi.

    Raises:
        UsageError: It is none.
    """
    match = _PLACE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{text!r} is no place", 'Write latitude,longitude,distance: near:"52.52,13.40,10km".'
        )
    latitude, longitude, distance, unit = match.groups()
    if distance is None:
        return Place(float(latitude), float(longitude))
    kilometres = float(distance) * _UNITS[(unit or "km").lower()]
    return Place(float(latitude), float(longitude), kilometres)


def parse_orientation(text: str) -> Orientation:
    """An orientation by its name, whatever the case.

    Raises:
        UsageError: There is none of that name.
    """
    name = text.strip().lower()
    if name not in get_args(Orientation):
        raise UsageError(
            f"{text!r} is no orientation", f"There are {', '.join(get_args(Orientation))}."
        )
    return cast("Orientation", name)


def check_tag(text: str) -> None:
    """Whether there is a tag, also behind the exclamation mark.

    Raises:
        UsageError: There is none.
    """
    if not text.removeprefix("!").strip():
        raise UsageError("there is no tag behind the exclamation mark", "Write !food.")


def merge(text: Question, options: Question) -> Question:
    """What a text asks for, and what options add to it.

    What there may be many of is joined, the text's first.

    Raises:
        UsageError: Both say something else of what there can only be one of.
    """
    merged: dict[str, Any] = {}
    for field in fields(Question):
        one, other = getattr(text, field.name), getattr(options, field.name)
        if isinstance(one, tuple):
            merged[field.name] = one + other
        elif one is not None and other is not None and one != other:
            raise UsageError(
                f"{field.name} is given in the text and as an option",
                f"Leave out {field.name}: in the text or --{field.name}.",
            )
        else:
            merged[field.name] = other if one is None else one
    return Question(**merged)


def _check_value(value: str) -> None:
    if not value or value.isspace():
        raise UsageError("a value is empty", "Leave it out, or say what it is.")
    if "\0" in value:
        raise UsageError("there is a NUL in the text")
