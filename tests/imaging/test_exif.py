"""What photos say about themselves, and what of it is believed."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from photond.imaging.exif import Exif, facts_of
from photond.imaging.picture import Facts
from tests.imaging.pictures import decoded, encoded, quadrants


def facts(**exif: object) -> Facts:
    return facts_of([Exif(**exif)], "JPEG", 10, 10)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_facts_are_read_from_every_format(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "Canon EOS 5D"
    photo = exif.get_ifd(0x8769)
    photo[0x9003], photo[0x9011], photo[0xA434] = "2024:06:01 12:34:56", "+02:00", "EF 35mm"
    gps = exif.get_ifd(0x8825)
    rational = TiffImagePlugin.IFDRational
    gps[1], gps[2] = "N", (rational(52), rational(30), rational(36))
    gps[3], gps[4] = "W", (rational(13), rational(24), rational(0))
    found = decoded(encoded(quadrants(), kind, exif=exif.tobytes())).facts
    assert (found.taken_at, found.utc_offset_minutes) == ("2024-06-01T12:34:56", 120)
    assert (found.camera, found.lens) == ("Canon EOS 5D", "EF 35mm")
    assert found.latitude == pytest.approx(52.51)
    assert found.longitude == pytest.approx(-13.4)


@pytest.mark.parametrize(
    ("text", "taken_at"),
    [
        ("2024:06:01 12:34:56", "2024-06-01T12:34:56"),
        ("2024:06:01 12:34:56\0", "2024-06-01T12:34:56"),
        (b"2024:06:01 12:34:56", "2024-06-01T12:34:56"),
        ("0000:00:00 00:00:00", None),
        ("2024:13:01 12:34:56", None),
        ("    :  :     :  :  ", None),
        ("", None),
        (17, None),
    ],
)
def test_a_date_is_believed_only_if_it_is_one(text: object, taken_at: str | None) -> None:
    assert facts(photo={0x9003: text}).taken_at == taken_at


def test_the_time_of_the_shot_goes_before_the_time_of_the_file() -> None:
    base, photo = {0x0132: "2024:01:01 00:00:00"}, {0x9004: "2023:01:01 00:00:00"}
    assert facts(base=base).taken_at == "2024-01-01T00:00:00"
    assert facts(base=base, photo=photo).taken_at == "2023-01-01T00:00:00"
    assert facts(base=base, photo={0x9003: "0000:00:00 00:00:00"}).taken_at == "2024-01-01T00:00:00"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("+02:00", 120),
        ("-03:30", -210),
        ("Z", 0),
        ("+14:00", 840),
        ("+99:00", None),
        ("+07:07", None),
        ("x", None),
    ],
)
def test_the_time_zone_is_taken_where_it_is_stated(text: str, minutes: int | None) -> None:
    photo = {0x9003: "2024:06:01 12:00:00", 0x9011: text}
    assert facts(photo=photo).utc_offset_minutes == minutes


@pytest.mark.parametrize(
    ("utc", "minutes"),
    [((10, 0, 0), 120), ((6, 29, 30), 330), ((10, 7, 0), None), ((23, 59, 59), -720)],
)
def test_the_time_zone_follows_from_the_satellites(
    utc: tuple[int, ...], minutes: int | None
) -> None:
    gps = {7: tuple(map(Fraction, utc)), 29: "2024:06:01"}
    assert facts(photo={0x9003: "2024:06:01 12:00:00"}, gps=gps).utc_offset_minutes == minutes


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
        ("FUJIFILM", "X-T4", "FUJIFILM X-T4"),
        ("Apple\0\0", " iPhone  15 ", "Apple iPhone 15"),
        ("Canon", "", "Canon"),
        (None, "X-T4", "X-T4"),
        (b"Sony", b"A7", "Sony A7"),
        (3, None, None),
    ],
)
def test_a_camera_is_named_once(make: object, model: object, camera: str | None) -> None:
    assert facts(base={0x010F: make, 0x0110: model}).camera == camera


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: (0, 0, 0), 3: "E", 4: (0, 0, 0)},
        {1: "N", 2: (95, 0, 0), 3: "E", 4: (10, 0, 0)},
        {1: "N", 2: (50, 0, 0)},
        {1: "N", 2: (-50, 0, 0), 3: "E", 4: (10, 0, 0)},
        {1: "X", 2: (50, 0, 0), 3: "E", 4: (10, 0, 0)},
        {2: (50, 0, 0), 4: (10, 0, 0)},
        {1: "N", 2: "fifty", 3: "E", 4: (1, 2, 3)},
        {1: "N", 2: (float("nan"), 0, 0), 3: "E", 4: (1, 2, 3)},
        {1: "N", 2: (50, 0, 0), 3: "E", 4: (10, 0, 0), 9: "V"},
    ],
)
def test_a_place_without_a_fix_is_no_place(gps: dict[int, object]) -> None:
    found = facts(gps=gps)
    assert (found.latitude, found.longitude) == (None, None)


anything = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=25),
    st.binary(max_size=25),
    st.tuples(st.floats(), st.floats(), st.floats()),
    st.from_regex(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d", fullmatch=True),
)
directories = st.dictionaries(
    st.sampled_from([1, 2, 3, 4, 7, 9, 29, 0x10F, 0x110, 0x132, 0x9003, 0x9011, 0xA433, 0xA434]),
    anything,
)


@given(directories, directories, directories)
def test_no_exif_whatsoever_fails_a_photo(base, photo, gps) -> None:
    found = facts(base=base, photo=photo, gps=gps)
    assert found.latitude is None or -90 <= found.latitude <= 90
    assert found.longitude is None or -180 <= found.longitude <= 180
    assert found.utc_offset_minutes is None or -720 <= found.utc_offset_minutes <= 840


def test_broken_exif_leaves_the_photo() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\x01\0\0\0\xff\xff" * 5
    picture = decoded(encoded(quadrants(), "JPEG", exif=exif))
    assert picture.facts.taken_at is None
    assert picture.image.size[0] > 0


@pytest.mark.parametrize(
    ("model", "camera"),
    [
        ("\x1b]0;owned\x07X100\x9b31m", "]0;ownedX10031m"),
        ("X100\N{RIGHT-TO-LEFT OVERRIDE}\N{ZERO WIDTH SPACE}\N{BYTE ORDER MARK}", "X100"),
        ("one\r\nFAKE LOG\N{LINE SEPARATOR}LINE", "one FAKE LOG LINE"),
        (b"\xff\xfeX\0rest", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}X"),
        ("A" * 10_000_000, "A" * 128),
        (b"\xc3\xa9" * 10_000_000, "é" * 128),
        ("\x1b\x07", None),
    ],
)
def test_a_name_is_one_short_line_that_can_be_printed(model: object, camera: str | None) -> None:
    assert facts(base={0x0110: model}).camera == camera
    assert facts(photo={0xA434: model}).lens == camera


@pytest.mark.parametrize("year", ["1000", "1825", "2100", "9999"])
def test_a_year_without_photos_is_a_wrong_clock(year: str) -> None:
    assert facts(photo={0x9003: f"{year}:06:01 12:34:56"}).taken_at is None


@pytest.mark.parametrize("text", ["+05:", "+:30", "+ 5:00", "+99:99", "-00", "+²²:³³"])
def test_a_broken_time_zone_leaves_the_photo(text: str) -> None:
    photo = {0x9003: "2024:06:01 12:34:56", 0x9011: text}
    found = facts(photo=photo)
    assert (found.taken_at, found.utc_offset_minutes) == ("2024-06-01T12:34:56", None)
