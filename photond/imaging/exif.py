"""What a photo says about itself in its EXIF: when, with what, and where it was taken."""

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from photond.imaging.picture import Facts

# Tags of Exif 2.32 (CIPA DC-008).
_MAKE, _MODEL, _DATE_TIME = 0x010F, 0x0110, 0x0132
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_DATE_TIME_ORIGINAL, _DATE_TIME_DIGITIZED = 0x9003, 0x9004
_OFFSET_TIME, _OFFSET_TIME_ORIGINAL, _OFFSET_TIME_DIGITIZED = 0x9010, 0x9011, 0x9012
_LENS_MAKE, _LENS_MODEL = 0xA433, 0xA434
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4
_GPS_TIME, _GPS_STATUS, _GPS_DATE = 7, 9, 29

# Time zones in use lie between UTC-12 and UTC+14 and are whole quarters of an hour.
_MIN_OFFSET, _MAX_OFFSET, _OFFSET_STEP = -12 * 60, 14 * 60, 15
_STATED_OFFSET = re.compile(r"([+-])([0-9]{1,2}):([0-9]{1,2})")
# The seconds by which a clock and a GPS receiver may differ and still mean the same zone.
_CLOCK_TOLERANCE = 180
# What Pillow raises on EXIF that is not in order.
DAMAGE = (ValueError, TypeError, SyntaxError, OSError, LookupError, struct.error)
# The oldest photograph is of the first; outside of both, a clock is wrong.
_EARLIEST_YEAR, _LATEST_YEAR = 1826, 2099
# How much of the name of a camera or lens is kept, and how much of a text is read, in characters.
_MAX_NAME = 128
_MAX_TEXT = 1024


@dataclass(frozen=True, slots=True)
class Exif:
    """The three directories of a photo's EXIF, each possibly empty."""

    base: Mapping[int, Any] = field(default_factory=dict)
    photo: Mapping[int, Any] = field(default_factory=dict)
    gps: Mapping[int, Any] = field(default_factory=dict)


def read_exif(image: Image.Image) -> Exif:
    """A picture's EXIF; what of it is damaged is left out."""
    try:
        exif = image.getexif()
    except DAMAGE:
        return Exif()
    return from_pillow(exif)


def from_pillow(exif: Image.Exif) -> Exif:
    """The directories of Pillow's EXIF object; what of it is damaged is left out."""

    def directory(tag: int) -> Mapping[int, Any]:
        try:
            return dict(exif.get_ifd(tag))
        except DAMAGE:
            return {}

    try:
        base = dict(exif)
    except DAMAGE:
        base = {}
    return Exif(base, directory(_EXIF_IFD), directory(_GPS_IFD))


def facts_of(exifs: Sequence[Exif], kind: str, width: int, height: int) -> Facts:
    """The facts of a photo.

    Args:
        exifs: Its EXIF; where there are several, what the first does not say the next may.
        kind: Its format.
        width: In pixels, as displayed.
        height: In pixels, as displayed.
    """
    taken_at = _first(_taken_at(exif) for exif in exifs)
    place = _first(_place(exif.gps) for exif in exifs) or (None, None)
    offset = None if taken_at is None else _first(_offset(exif, taken_at) for exif in exifs)
    return Facts(
        format=kind,
        width=width,
        height=height,
        taken_at=None if taken_at is None else taken_at.isoformat(timespec="seconds"),
        utc_offset_minutes=offset,
        camera=_first(_named(exif.base, _MAKE, _MODEL) for exif in exifs),
        lens=_first(_named(exif.photo, _LENS_MAKE, _LENS_MODEL) for exif in exifs),
        latitude=place[0],
        longitude=place[1],
    )


def _first(values: Any) -> Any:  # noqa: ANN401 - the first of anything
    return next((value for value in values if value is not None), None)


def _text(value: object) -> str:
    """A text as it may be stored and shown: one line, up to a NUL, without what cannot be printed.

    What is left out are control characters, with which escape sequences begin, and those that turn the
    direction of writing; a text of megabytes is only begun with.
    """
    if isinstance(value, bytes):
        value = value[: 4 * _MAX_TEXT].decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    words = value[:_MAX_TEXT].partition("\0")[0].split()
    return "".join(char for char in " ".join(words) if char.isprintable()).strip()


def _named(directory: Mapping[int, Any], make_tag: int, model_tag: int) -> str | None:
    """Make and model, the make only where the model does not begin with it."""
    make, model = _text(directory.get(make_tag)), _text(directory.get(model_tag))
    # "NIKON CORPORATION" and "NIKON D90" share their first word.
    is_named_twice = model.lower().startswith(make.lower().partition(" ")[0])
    name = model if model and is_named_twice else f"{make} {model}"
    return name.strip()[:_MAX_NAME].rstrip() or None


def _taken_at(exif: Exif) -> datetime | None:
    sources = (
        exif.photo.get(_DATE_TIME_ORIGINAL),
        exif.photo.get(_DATE_TIME_DIGITIZED),
        exif.base.get(_DATE_TIME),
    )
    for source in sources:
        try:
            moment = datetime.strptime(_text(source)[:19], "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - wall time
        except ValueError:
            continue
        if _EARLIEST_YEAR <= moment.year <= _LATEST_YEAR:
            return moment
    return None


def _offset(exif: Exif, taken_at: datetime) -> int | None:
    for tag in (_OFFSET_TIME_ORIGINAL, _OFFSET_TIME_DIGITIZED, _OFFSET_TIME):
        text = _text(exif.photo.get(tag))
        if text == "Z":
            return 0
        if stated := _STATED_OFFSET.match(text):
            sign, hours, minutes = stated.groups()
            offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1)
            is_zone = _MIN_OFFSET <= offset <= _MAX_OFFSET and offset % _OFFSET_STEP == 0
            return offset if is_zone else None
    return _offset_from_gps(exif.gps, taken_at)


def _offset_from_gps(gps: Mapping[int, Any], taken_at: datetime) -> int | None:
    """The offset by which the camera's clock is ahead of the satellites', which are in UTC."""
    try:
        hours, minutes, seconds = (float(part) for part in gps[_GPS_TIME])
        day = datetime.strptime(_text(gps[_GPS_DATE]), "%Y:%m:%d").replace(tzinfo=UTC)
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return None
    utc = day.timestamp() + hours * 3600 + minutes * 60 + seconds
    ahead = taken_at.replace(tzinfo=UTC).timestamp() - utc
    step = _OFFSET_STEP * 60
    try:
        offset = round(ahead / step) * step
    except (ValueError, OverflowError):
        return None
    is_zone = _MIN_OFFSET * 60 <= offset <= _MAX_OFFSET * 60
    return offset // 60 if is_zone and abs(ahead - offset) <= _CLOCK_TOLERANCE else None


def _place(gps: Mapping[int, Any]) -> tuple[float, float] | None:
    latitude = _degrees(gps.get(_LATITUDE), _text(gps.get(_LATITUDE_REF)), "NS", 90)
    longitude = _degrees(gps.get(_LONGITUDE), _text(gps.get(_LONGITUDE_REF)), "EW", 180)
    if latitude is None or longitude is None or _text(gps.get(_GPS_STATUS)) == "V":
        return None
    # Cameras without a fix write zeros; nobody photographs that spot in the Gulf of Guinea.
    return None if latitude == longitude == 0 else (latitude, longitude)


def _degrees(value: object, ref: str, sides: str, limit: float) -> float | None:
    """Signed degrees from degrees, minutes and seconds; `sides` are the letters for + and for -."""
    side = ref.upper()[:1]
    if not isinstance(value, tuple) or not value or not side or side not in sides:
        return None
    try:
        degrees: float = sum(float(part) / 60**place for place, part in enumerate(value[:3]))
    except (TypeError, ValueError, ArithmeticError):
        return None
    if not 0 <= degrees <= limit:  # also what is not a number
        return None
    return -degrees if side == sides[1] else degrees
