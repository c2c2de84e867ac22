"""One photo of an answer."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo that a search found.

    Attributes:
        number: Its place in the answer, from 1.
        path: Absolute; bytes that are no UTF-8 are lone surrogates.
        score: Its cosine similarity to what was asked, -1 to 1; None where nothing was compared.
        probability: 0 to 1, or None.
        taken_at: Local wall time, ISO 8601 to the second, or None.
        width: In pixels, as displayed.
        height: The same, downwards.
        tags: The best first.
        copies: How many identical files it stands for, itself included.
        is_offline: Whether it lies on a disk that is not there.
        item: All of it, as docs/protocol.md has it.
    """

    number: int
    path: str
    score: float | None
    probability: float | None
    taken_at: str | None
    width: int
    height: int
    tags: tuple[str, ...]
    copies: int
    is_offline: bool
    item: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The path of the folder that it is in."""
        return self.path.rpartition("/")[0] or "/"

    @property
    def moment(self) -> str:
        """When it was taken, in words: `2024-06-01 12:34:56`, or nothing."""
        return (self.taken_at or "").replace("T", " ")

    @property
    def size(self) -> str:
        """How large it is, in words."""
        return f"{self.width} \N{MULTIPLICATION SIGN} {self.height}"


def numbered(items: Iterable[Mapping[str, Any]]) -> Iterator[Photo]:
    """The photos of an answer, from the items that docs/protocol.md describes."""
    for number, item in enumerate(items, 1):
        yield Photo(
            number=number,
            path=item["path"],
            score=item["score"],
            probability=item["probability"],
            taken_at=item["taken_at"],
            width=item["width"],
            height=item["height"],
            tags=tuple(tag["tag"] for tag in item["tags"]),
            copies=item.get("copies", 1),
            is_offline=item.get("offline", False),
            item=item,
        )
