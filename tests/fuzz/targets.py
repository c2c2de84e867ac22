"""What the fuzzer runs: each target takes any bytes, and whatever it raises is a finding."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from PIL import Image

from photond.errors import PictureError
from photond.imaging import raw
from photond.imaging.decode import decode
from photond.imaging.exif import facts_of, read_exif
from photond.imaging.perceptual import HASH_BYTES, perceptual_hash
from photond.imaging.picture import Facts, Limits, Picture
from photond.imaging.preprocess import InputSpec
from photond.imaging.tensor import to_tensor

LIMITS = Limits(max_pixels=4_000_000, max_seconds=5.0)
SPEC = InputSpec(32, "squash", "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_LONGEST = 200
_LONGEST_NAME = 128


def check_facts(facts: Facts) -> None:
    """Hold facts to what `Facts` promises of them."""
    assert facts.format.isalnum(), facts
    assert facts.width > 0, facts
    assert facts.height > 0, facts
    for text in (facts.camera, facts.lens):
        assert text is None or (text.isprintable() and 0 < len(text) <= _LONGEST_NAME), facts
    if facts.taken_at is not None:
        taken_at = datetime.fromisoformat(facts.taken_at)
        assert taken_at.tzinfo is None, facts
        assert 1826 <= taken_at.year < 2100, facts
    if facts.utc_offset_minutes is not None:
        assert -720 <= facts.utc_offset_minutes <= 840, facts
        assert facts.utc_offset_minutes % 15 == 0, facts
    assert (facts.latitude is None) == (facts.longitude is None), facts
    if facts.latitude is not None and facts.longitude is not None:
        assert -90 <= facts.latitude <= 90, facts
        assert -180 <= facts.longitude <= 180, facts


def check_reason(reason: str) -> None:
    """Hold a reason to being one short line that a terminal can print."""
    assert reason.isprintable(), repr(reason)
    assert 0 < len(reason) <= _LONGEST, repr(reason)
    assert " at 0x" not in reason, repr(reason)


def look(data: bytes, name: str, limits: Limits = LIMITS) -> Picture:
    """All that happens to a photo before the model.

    Raises:
        PictureError: It is none; that the reason is fit to print has been checked.
    """
    try:
        picture = decode(data, name=name, min_side=SPEC.size, limits=limits)
    except PictureError as error:
        check_reason(error.reason)
        raise
    assert picture.image.mode == "RGB"
    check_facts(picture.facts)
    assert len(perceptual_hash(picture.image)) == HASH_BYTES
    assert to_tensor(picture.image, SPEC).shape == (3, SPEC.size, SPEC.size)
    return picture


def _decode(data: bytes) -> None:
    try:
        look(data, "photo.jpg")
    except PictureError:
        pass


def _raw(data: bytes) -> None:
    try:
        look(data, "photo.dng")
    except PictureError:
        pass
    check_facts(facts_of([raw.read_tiff_exif(data)], "RAW", 1, 1))


def _facts(data: bytes) -> None:
    """The bytes are an EXIF block, which a picture has, and a RAW file's directories."""
    image = Image.new("1", (1, 1))
    image.info["exif"] = data
    exifs = [read_exif(image), raw.read_tiff_exif(data)]
    check_facts(facts_of(exifs, "JPEG", 1, 1))


TARGETS: Mapping[str, Callable[[bytes], None]] = MappingProxyType(
    {"decode": _decode, "facts": _facts, "raw": _raw}
)
