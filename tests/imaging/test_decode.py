"""Bytes to pictures: every format, orientation and kind of colour; and a reason for the rest."""

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, features
from PIL.PngImagePlugin import PngInfo

from photond.errors import PictureError
from photond.imaging.decode import decode
from photond.imaging.formats import is_photo_name
from photond.imaging.picture import Limits
from tests.imaging.pictures import (
    BLUE,
    GREEN,
    MIN_SIDE,
    RED,
    YELLOW,
    assert_close,
    corners,
    decoded,
    encoded,
    make_dng,
    quadrants,
    swapped_profile,
)

SAMPLE = Path(__file__).parents[2] / "samples" / "cat.jpg"
UPRIGHT = [RED, GREEN, BLUE, YELLOW]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("JPEG", "JPEG"),
        ("PNG", "PNG"),
        ("WEBP", "WEBP"),
        ("TIFF", "TIFF"),
        ("GIF", "GIF"),
        ("BMP", "BMP"),
        ("HEIF", "HEIF"),
        ("AVIF", "AVIF"),
        ("MPO", "JPEG"),
    ],
)
def test_every_format_is_read_whatever_its_name_says(kind: str, name: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    options = {"save_all": True, "append_images": [quadrants()]} if kind == "MPO" else {}
    picture = decoded(encoded(quadrants(), kind, **options), name="misnamed.jpg")
    assert (picture.facts.format, picture.facts.width, picture.facts.height) == (name, 240, 160)
    assert picture.image.mode == "RGB"
    assert_close(corners(picture.image), UPRIGHT, by=25)


# What EXIF 2.32 says of each orientation: where the picture's own quadrants are in the stored one.
STORED = {
    1: lambda image: image,
    2: lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    3: lambda image: image.transpose(Image.Transpose.ROTATE_180),
    4: lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    6: lambda image: image.transpose(Image.Transpose.ROTATE_90),
    7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
    8: lambda image: image.transpose(Image.Transpose.ROTATE_270),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_pictures_come_out_upright(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(STORED[orientation](quadrants()), kind, exif=exif.tobytes())
    picture = decoded(data)
    assert (picture.facts.width, picture.facts.height) == (240, 160)
    assert picture.image.width > picture.image.height
    assert_close(corners(picture.image), UPRIGHT, by=25)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("with_preview", [True, False])
def test_raw_files_come_out_upright(orientation: int, with_preview: bool) -> None:
    sensor = quadrants(600, 400)
    picture = decoded(make_dng(sensor if with_preview else None, orientation), name="photo.dng")
    sideways = orientation in {6, 8}
    assert picture.facts.format == "RAW"
    assert picture.facts.camera == "Photond Test Camera"
    assert (picture.facts.width, picture.facts.height) == ((400, 600) if sideways else (600, 400))
    width, height = picture.image.size
    assert (height > width) == sideways
    if with_preview:
        turned = {1: UPRIGHT, 3: UPRIGHT[::-1]}
        turned[6] = [BLUE, RED, YELLOW, GREEN]
        turned[8] = [GREEN, YELLOW, RED, BLUE]
        assert_close(corners(picture.image), turned[orientation], by=25)


def test_a_raw_preview_that_is_too_small_is_passed_over() -> None:
    picture = decoded(make_dng(quadrants(60, 40)), name="photo.dng")
    assert min(picture.image.size) >= MIN_SIDE


def test_a_raw_file_under_a_tiff_name_is_still_read() -> None:
    assert decoded(make_dng(None), name="photo.tif").facts.format in {"RAW", "TIFF"}


def test_a_raw_file_over_the_limit_says_so() -> None:
    with pytest.raises(PictureError, match=r"0\.24 megapixels.*the limit is 0\.1 "):
        decode(make_dng(None), name="photo.dng", min_side=64, limits=Limits(max_pixels=100_000))


def test_a_jpeg_under_a_raw_name_is_a_jpeg() -> None:
    assert decoded(encoded(quadrants(), "JPEG"), name="photo.raw").facts.format == "JPEG"


def test_grey_and_deep_pictures_are_scaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 200 * 200).reshape(200, 200).astype(np.uint16)
    expected = (ramp >> 8).astype(int)
    for image in (Image.fromarray(ramp), Image.fromarray((ramp >> 8).astype(np.uint8))):
        found = np.asarray(decoded(encoded(image, "PNG")).image)
        assert np.abs(found.astype(int) - expected[..., None]).max() <= 1
    for values in (ramp.astype(np.int32), (ramp / 65535).astype(np.float32)):
        found = np.asarray(decoded(encoded(Image.fromarray(values), "TIFF")).image)
        assert np.abs(found.astype(int) - expected[..., None]).max() <= 1


def test_deep_pictures_where_white_is_zero_are_not_negatives() -> None:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.full((100, 100), 65535, np.uint16), photometric="miniswhite")
    assert decoded(buffer.getvalue()).image.getextrema() == ((0, 0),) * 3


def test_floats_without_a_number_in_them_are_black() -> None:
    values = np.full((100, 100), np.nan, np.float32)
    assert decoded(encoded(Image.fromarray(values), "TIFF")).image.getextrema() == ((0, 0),) * 3


def test_transparency_shows_white_as_on_a_page() -> None:
    image = quadrants().convert("RGBA")
    image.putalpha(0)
    assert decoded(encoded(image, "PNG")).image.getpixel((5, 5)) == (255, 255, 255)
    half = Image.new("LA", (100, 100), (0, 128))
    assert decoded(encoded(half, "PNG")).image.getpixel((5, 5)) == (127, 127, 127)
    palette = quadrants().quantize(8)
    index = palette.getpixel((2, 2))
    shown = decoded(encoded(palette, "PNG", transparency=index)).image
    assert_close(corners(shown), [(255, 255, 255), GREEN, BLUE, YELLOW])


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr", "LAB"])
def test_other_modes_keep_their_brightness(mode: str) -> None:
    if mode == "LAB":
        to_lab = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        image = ImageCms.applyTransform(quadrants(), to_lab)
        assert image is not None
    else:
        image = quadrants().convert(mode)
    kind = {"1": "PNG", "P": "GIF", "L": "PNG", "CMYK": "JPEG", "YCbCr": "JPEG", "LAB": "TIFF"}
    found = np.asarray(decoded(encoded(image, kind[mode])).image.convert("L")).mean()
    expected = np.asarray(quadrants().convert("L")).mean()
    assert abs(found - expected) < (20 if mode == "1" else 6)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_colour_profiles_are_followed(kind: str) -> None:
    picture = decoded(encoded(quadrants(), kind, icc_profile=swapped_profile()))
    red, _, blue, _ = corners(picture.image)
    assert red[2] > 150 > red[0]
    assert blue[0] > 150 > blue[2]


def test_a_broken_profile_is_ignored() -> None:
    for profile in (b"no profile", swapped_profile()[:200]):
        picture = decoded(encoded(quadrants(), "PNG", icc_profile=profile))
        assert_close(corners(picture.image), UPRIGHT)


def test_the_draft_scale_loses_nothing_that_can_be_seen() -> None:
    large = Image.open(SAMPLE).convert("RGB").resize((3000, 2000), Image.Resampling.LANCZOS)
    data = encoded(large, "JPEG", quality=92)
    drafted = decoded(data, min_side=224).image
    assert min(drafted.size) >= 448
    assert drafted.size != large.size
    full = Image.open(io.BytesIO(data)).convert("RGB")
    of_draft, of_full = (
        np.asarray(one.resize((224, 224), Image.Resampling.BICUBIC), int) for one in (drafted, full)
    )
    assert np.abs(of_draft - of_full).mean() < 1


@pytest.mark.parametrize("size", [(2000, 1500), (4001, 3002)])
def test_shrinking_beforehand_loses_nothing_that_can_be_seen(size: tuple[int, int]) -> None:
    """Neither sharpness, nor by a shift where a side is no multiple of the factor."""
    large = np.asarray(
        Image.open(SAMPLE).convert("RGB").resize(size, Image.Resampling.LANCZOS), int
    )
    noise = np.random.default_rng(3).integers(-10, 11, large.shape)
    image = Image.fromarray((large + noise).clip(0, 255).astype(np.uint8))
    shrunk = decoded(encoded(image, "BMP"), min_side=224).image
    assert 3 * 224 <= min(shrunk.size) < min(size)
    of_shrunk, of_full = (
        np.asarray(one.resize((224, 224), Image.Resampling.BICUBIC), int) for one in (shrunk, image)
    )
    assert np.abs(of_shrunk - of_full).mean() < 0.45


def test_the_short_side_of_a_panorama_stays_long_enough() -> None:
    picture = decoded(encoded(quadrants(8000, 300), "JPEG"), min_side=224)
    assert picture.image.height == 300
    assert (picture.facts.width, picture.facts.height) == (8000, 300)


def test_large_pictures_do_not_stay_large() -> None:
    for kind in ("PNG", "TIFF", "BMP"):
        picture = decoded(encoded(quadrants(3000, 2000), kind))
        assert min(picture.image.size) < 4 * MIN_SIDE
        assert (picture.facts.width, picture.facts.height) == (3000, 2000)


def test_the_first_picture_of_an_animation_or_a_document_is_taken() -> None:
    pages = [quadrants(), Image.new("RGB", (240, 160))]
    for kind in ("GIF", "WEBP", "TIFF", "PNG"):
        data = encoded(pages[0], kind, save_all=True, append_images=pages[1:])
        assert_close(corners(decoded(data).image), UPRIGHT, by=25)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"%PDF-1.7\n", "it is not a photo but a PDF document"),
        (b"\n<!DOCTYPE html><html>", "it is not a photo but a web page"),
        (b"PK\x03\x04" + bytes(50), "it is not a photo but a ZIP"),
        (b"\0\0\0\x18ftypmp42" + bytes(50), "it is not a photo but a video"),
        (bytes(4096), "the file holds nothing but zeros"),
        (b"just some text", "it is not a photo, or damaged"),
    ],
)
def test_what_is_not_a_photo_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(PictureError) as caught:
        decoded(data)
    assert caught.value.reason.startswith(reason)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_a_half_copied_file_is_never_taken_for_a_photo(kind: str, share: float) -> None:
    data = encoded(Image.open(SAMPLE).convert("RGB"), kind)
    with pytest.raises(PictureError):
        decoded(data[: int(len(data) * share)])


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    data = encoded(Image.new("1", (40_000, 40_000)), "PNG")
    with pytest.raises(PictureError, match=r"1,600 megapixels.*index\.max_megapixels"):
        decoded(data)


def test_a_decoder_that_takes_too_long_is_stopped() -> None:
    data = encoded(quadrants(2000, 2000), "PNG", compress_level=0)
    with pytest.raises(PictureError, match="decoding took more than"):
        decode(data, name="x.png", min_side=64, limits=Limits(max_seconds=0.0))


def test_threads_do_not_disturb_each_other() -> None:
    files = [encoded(quadrants(), kind) for kind in ("JPEG", "PNG", "WEBP", "HEIF", "TIFF")] * 8
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(decoded, files))
    for picture in pictures:
        assert_close(corners(picture.image), UPRIGHT, by=25)


VALID = [
    encoded(quadrants(120, 80), kind)
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "HEIF")
] + [make_dng(quadrants(120, 80))]


@given(st.binary(max_size=400))
def test_any_bytes_are_a_picture_or_a_reason(data: bytes) -> None:
    _check_outcome(data)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(VALID),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=8)), max_size=6),
    st.floats(0.1, 1),
)
def test_any_mutation_of_a_photo_is_a_picture_or_a_reason(
    data: bytes, changes: list[tuple[float, bytes]], share: float
) -> None:
    mutated = bytearray(data)
    for place, replacement in changes:
        # Most of what decoders trip over stands near the beginning.
        start = int(len(mutated) * place**3)
        mutated[start : start + len(replacement)] = replacement
    _check_outcome(bytes(mutated[: int(len(mutated) * share)]))


def _check_outcome(data: bytes) -> None:
    for name in ("photo.jpg", "photo.dng"):
        try:
            picture = decode(data, name=name, min_side=32, limits=Limits(1_000_000, 5.0))
        except PictureError as error:
            reason = error.reason
        else:
            reason = ""
            assert picture.image.mode == "RGB"
        assert "BytesIO" not in reason


@pytest.mark.parametrize("name", ["a.jpg", "A.JPEG", "b.HeIc", "c.nef", "d.e.f.png", " .webp"])
def test_photos_are_known_by_their_suffix(name: str) -> None:
    assert is_photo_name(name)


@pytest.mark.parametrize(
    "name", ["", ".jpg", "jpg", "a.txt", "a.jpg.part", "a.mov", "a.jpg/b", "a."]
)
def test_other_files_are_not_photos(name: str) -> None:
    assert not is_photo_name(name)


@pytest.mark.parametrize("is_progressive", [True, False])
def test_thousands_of_scans_are_refused_before_they_are_decoded(is_progressive: bool) -> None:
    """A scan of no bytes is one more way through the whole picture, which nothing can interrupt."""
    data = encoded(quadrants(800, 600), "JPEG", progressive=is_progressive, subsampling=0)
    start = data.rindex(b"\xff\xda")
    if not is_progressive:
        # Each of the colours in a scan of its own: then libjpeg reads scans until there are no more.
        header = b"\xff\xda\0\x08\1\1\0\0\x3f\0"
        end = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        data = data[:start] + header + data[end:]
    scan = data[start:-2]
    bomb = data[:start] + scan[:20] * 20_000 + data[-2:]
    limits = Limits(max_pixels=50_000_000)
    with pytest.raises(PictureError, match=r"20,0\d\d scans"):
        decode(bomb, name="photo.jpg", min_side=64, limits=limits)


def test_a_tile_that_is_larger_than_its_picture_counts() -> None:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.zeros((16, 16), np.uint8), tile=(1024, 2048), compression="zlib")
    with pytest.raises(PictureError, match=r"2\.097 megapixels"):
        decode(buffer.getvalue(), name="x.tif", min_side=8, limits=Limits(max_pixels=1_000_000))


def test_a_row_of_more_than_a_million_pixels_is_refused() -> None:
    data = encoded(Image.new("1", (1_000_001, 1)), "PNG")
    with pytest.raises(PictureError, match="it is 1,000,001 pixels wide and 1 high"):
        decoded(data)


def test_metadata_of_megabytes_leaves_the_picture() -> None:
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", "<x>" + " " * 5_000_000 + "</x>", zip=True)
    assert_close(corners(decoded(encoded(quadrants(), "PNG", pnginfo=text)).image), UPRIGHT)
    profile = swapped_profile() + bytes(16_000_000)
    picture = decoded(encoded(quadrants(), "TIFF", icc_profile=profile))
    assert_close(corners(picture.image), UPRIGHT)  # nobody's profile is so large: it is ignored


def test_deep_pictures_of_many_strips_are_scaled_alike() -> None:
    ramp = np.linspace(0, 65535, 1500 * 1500).reshape(1500, 1500)
    for values in (
        ramp.astype(np.uint16),
        ramp.astype(np.int32),
        (ramp / 65535).astype(np.float32),
    ):
        found = np.asarray(decoded(encoded(Image.fromarray(values), "TIFF"), min_side=600).image)
        assert np.abs(found[..., 0] - ramp / 257).max() <= 2
