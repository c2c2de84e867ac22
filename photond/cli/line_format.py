r"""Lines of the user's own: `--format '{path}\t{score:.3f}'`."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter

from photond.cli.photo import Photo
from photond.errors import UsageError

Value = str | int | float | None

_FIELDS: Mapping[str, tuple[Value, Callable[[Photo], Value]]] = {
    # Each with an example, which tells whether a format suits its kind.
    "path": ("", lambda photo: photo.path),
    "name": ("", lambda photo: photo.name),
    "folder": ("", lambda photo: photo.folder),
    "score": (0.5, lambda photo: photo.score),
    "probability": (0.5, lambda photo: photo.probability),
    "taken_at": ("", lambda photo: photo.taken_at),
    "date": ("", lambda photo: photo.taken_at and photo.taken_at[:10]),
    "width": (1, lambda photo: photo.width),
    "height": (1, lambda photo: photo.height),
    "tags": ("", lambda photo: ", ".join(photo.tags)),
    "copies": (1, lambda photo: photo.copies),
    "number": (1, lambda photo: photo.number),
}
_ESCAPES = {r"\t": "\t", r"\n": "\n", r"\0": "\0", r"\\": "\\"}
_ESCAPE = re.compile(r"\\[tn0\\]")


@dataclass(frozen=True, slots=True)
class _Part:
    """Some text, and the field that follows it, if one does."""

    text: str
    field: str | None
    specification: str

    def of(self, photo: Photo, escape: Callable[[str], str]) -> str:
        if self.field is None:
            return self.text
        value = _FIELDS[self.field][1](photo)
        # What a photo does not have takes no room, whatever the format of a number would be.
        shown = "" if value is None else format(value, self.specification)
        return self.text + escape(shown)


@dataclass(frozen=True, slots=True)
class LineFormat:
    """A line with places for what is known of a photo.

    It is Python's format language with names of fields and nothing else: no attributes, no indices,
    no conversions, so that nothing but a photo's own values can be got at.
    """

    parts: Sequence[_Part]

    @classmethod
    def parse(cls, template: str) -> "LineFormat":
        r"""Read a line such as `{path}\t{score:.3f}`; `\t`, `\n`, `\0` and `\\` mean what they do in C.

        Raises:
            UsageError: It has a field that does not exist, or a format that does not suit the field.
        """
        try:
            pieces = list(Formatter().parse(template))
        except ValueError as error:
            raise UsageError(
                f"--format cannot be read: {error}", "A brace is written twice: {{ or }}."
            ) from None
        return cls(
            [
                _Part(
                    _ESCAPE.sub(lambda found: _ESCAPES[found[0]], text),
                    None if field is None else _field(field, specification or "", conversion),
                    specification or "",
                )
                for text, field, specification, conversion in pieces
            ]
        )

    def of(self, photo: Photo, escape: Callable[[str], str] = str) -> str:
        """The line for a photo, without an end.

        Args:
            photo: The photo.
            escape: What is done to each value, before it stands in the line.
        """
        return "".join(part.of(photo, escape) for part in self.parts)


def _field(name: str, specification: str, conversion: str | None) -> str:
    if name not in _FIELDS:
        raise UsageError(f"--format has no field {{{name}}}", f"There are {', '.join(_FIELDS)}.")
    if conversion is not None:
        raise UsageError(f"--format cannot show {{{name}!{conversion}}}", f"Write {{{name}}}.")
    try:
        format(_FIELDS[name][0], specification)
    except ValueError as error:
        raise UsageError(f"--format cannot show {{{name}:{specification}}}: {error}") from None
    return name
