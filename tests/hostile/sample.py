"""One file of the corpus, and what must become of it."""

from dataclasses import dataclass
from typing import Literal

Expectation = Literal["picture", "refused", "either"]

PICTURE: Expectation = "picture"
REFUSED: Expectation = "refused"
EITHER: Expectation = "either"


@dataclass(frozen=True, slots=True)
class Sample:
    """A hostile file.

    Attributes:
        name: Its name.
        data: Its content.
        expected: `"picture"` if a picture must come of it, `"refused"` if a reason must, or `"either"`.
        shows_quadrants: Whether that picture is the one of `tests.imaging.pictures.quadrants`, upright.
    """

    name: str
    data: bytes
    expected: Expectation
    shows_quadrants: bool = False
