"""A contact sheet: one page with the photos of an answer, which needs nothing but itself."""

import base64
import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from itertools import chain
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from photond.cli.file_uri import file_uri
from photond.cli.output import note
from photond.cli.photo import Photo
from photond.cli.thumbnails import made_ahead, thumbnail
from photond.errors import PhotondError, PictureError, UsageError
from photond.printable import printable
from photond.replacement import replacement

if TYPE_CHECKING:
    from photond.cli.answer import Photos, Step
    from photond.config.settings import Settings
    from photond.imaging.decoder import Decoder

SIDE = 400
"""Of the square that a thumbnail fits into, in pixels."""

_QUALITY = 78
_MARK = '<meta name="generator" content="photond contact sheet">'
_HEAD_BYTES = 1024
_CUT = "<!-- photos -->\n"


def writing_sheet(file: Path, title: str, settings: "Settings", *, is_told: bool) -> "Step":
    """Put photos on a sheet, which stands in its place when it is whole and not before.

    Args:
        file: A sheet that stands there is replaced; anything else is left alone.
        title: What was asked.
        settings: What a photo may cost.
        is_told: Whether to tell the user where it is.

    Raises:
        UsageError: Something stands there that is no sheet.
        PhotondError: It cannot be written.
    """
    _refuse_what_is_no_sheet(file)

    def step(photos: Iterator[Photo]) -> "Photos":
        first = next(photos, None)
        if first is None:
            return
        count = 0
        try:
            with (
                replacement(file) as descriptor,
                os.fdopen(descriptor, "w", encoding="utf-8") as out,
            ):
                head, tail = _page(title)
                out.write(head)
                pictures = made_ahead(
                    chain([first], photos),
                    lambda one, decoder: _picture(one, settings, decoder),
                    settings,
                )
                for photo, picture in pictures:
                    out.write(_card(photo, picture))
                    count += 1
                    yield photo
                out.write(tail)
        except OSError as error:
            raise PhotondError(f"{file} cannot be written: {error.strerror}") from error
        if is_told:
            photos_are = "1 photo is" if count == 1 else f"{count} photos are"
            note(f"photond: {photos_are} on {printable(str(file))}")

    return step


def _refuse_what_is_no_sheet(file: Path) -> None:
    try:
        with file.open("rb") as there:
            is_sheet = _MARK.encode() in there.read(_HEAD_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise PhotondError(f"{file} cannot be written: {error.strerror}") from error
    if not is_sheet:
        raise UsageError(
            f"{file} is there already, and no contact sheet",
            "Give the sheet another name, or remove the file.",
        )


def _page(title: str) -> tuple[str, str]:
    """What stands before the photos and what follows them."""
    parts = files("photond.cli") / "sheet_page"
    style = (parts / "sheet.css").read_text("utf-8")
    script = (parts / "sheet.js").read_text("utf-8")
    page = Template((parts / "sheet.html").read_text("utf-8")).substitute(
        mark=_MARK,
        title=escape(printable(title)),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    head, _, tail = page.partition(_CUT)
    return head, tail


def _hash(text: str) -> str:
    """What a Content-Security-Policy allows a style or a script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@dataclass(frozen=True, slots=True)
class _Picture:
    """A thumbnail, or why there is none; its size in pixels."""

    uri: str
    width: int
    height: int
    missing: str = ""


def _picture(photo: Photo, settings: "Settings", decoder: "Decoder") -> _Picture:
    try:
        image = thumbnail(photo, (SIDE, SIDE), settings, decoder)
    except PictureError as error:
        return _Picture("", SIDE, SIDE * 3 // 4, error.reason)
    data = io.BytesIO()
    image.save(data, "WEBP", quality=_QUALITY, method=2)
    code = base64.b64encode(data.getvalue()).decode()
    return _Picture(f"data:image/webp;base64,{code}", *image.size)


def _card(photo: Photo, picture: _Picture) -> str:
    """A photo's place on the sheet. All that comes from outside is escaped here."""
    name = escape(printable(photo.name))
    tags = ", ".join(photo.tags)
    score = "" if photo.score is None else f"{photo.score:.3f}"
    facts = [fact for fact in (score, photo.moment[:16], photo.size, _copies(photo)) if fact]
    alt = escape(printable(f"{photo.name}: {tags}" if tags else photo.name))
    if picture.missing:
        shown = f'<span class="missing">{escape(picture.missing)}</span>'
    else:
        shown = (
            f'<img src="{picture.uri}" width="{picture.width}" height="{picture.height}" '
            f'alt="{alt}" loading="lazy" decoding="async">'
        )
    return (
        f'<li data-number="{photo.number}" data-date="{photo.taken_at or ""}">'
        f'<a href="{escape(file_uri(photo.path))}">{shown}'
        f'<span class="name">{name}</span>'
        f'<span class="facts">{escape(" · ".join(facts))}</span>'
        f'<span class="tags">{escape(printable(tags))}</span>'
        f'<span class="folder">{escape(printable(photo.folder))}</span>'
        "</a></li>\n"
    )


def _copies(photo: Photo) -> str:
    return f"{photo.copies} copies" if photo.copies > 1 else ""
