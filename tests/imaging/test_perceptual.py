"""The perceptual hash stays when a photo is saved anew, and tells photos apart."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from photond.imaging.decode import decode
from photond.imaging.perceptual import HASH_BYTES, HASH_MIN_SIDE, perceptual_hash
from photond.imaging.picture import Limits
from tests.conftest import SAMPLES
from tests.imaging.pictures import encoded

NAMES = sorted(path.stem for path in SAMPLES.glob("*.jpg"))


def opened(name: str) -> Image.Image:
    return Image.open(SAMPLES / f"{name}.jpg").convert("RGB")


def hashed(data: bytes, min_side: int = 224) -> bytes:
    return perceptual_hash(decode(data, name="", min_side=min_side, limits=Limits()).image)


def bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@pytest.mark.parametrize("name", NAMES)
def test_a_photo_that_was_saved_anew_has_nearly_the_same_hash(name: str) -> None:
    image = opened(name)
    original = hashed((SAMPLES / f"{name}.jpg").read_bytes())
    half = image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC)
    assert bits(original, hashed(encoded(image, "PNG"))) == 0
    for copy in (
        encoded(image, "WEBP", quality=60),
        encoded(image, "JPEG", quality=50),
        encoded(half, "JPEG", quality=80),
        encoded(ImageEnhance.Brightness(image).enhance(0.85), "JPEG", quality=80),
    ):
        assert bits(original, hashed(copy)) <= 6


def test_different_photos_have_hashes_that_differ_in_many_bits() -> None:
    hashes = [hashed((SAMPLES / f"{name}.jpg").read_bytes()) for name in NAMES]
    assert min(bits(*pair) for pair in itertools.combinations(hashes, 2)) > 30


@pytest.mark.parametrize("name", NAMES[:6])
def test_the_size_that_a_photo_is_decoded_at_hardly_matters(name: str) -> None:
    large = encoded(opened(name).resize((2400, 1800)), "JPEG", quality=90)
    assert bits(hashed(large, HASH_MIN_SIDE), hashed(large, 384)) <= 2


def test_the_hash_is_that_of_the_picture_as_it_is_displayed() -> None:
    image = opened("cat")
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned a quarter clockwise
    lying = encoded(image.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    assert hashed(lying) == hashed(encoded(image, "PNG"))
    assert bits(hashed(encoded(image.rotate(180), "PNG")), hashed(encoded(image, "PNG"))) > 30


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 255))
def test_any_size_has_a_hash_and_an_even_picture_that_of_nothing(
    width: int, height: int, grey: int
) -> None:
    image = Image.new("RGB", (width, height), (grey, grey, grey))
    assert perceptual_hash(image) == bytes(HASH_BYTES)
    noise = np.random.default_rng(grey).integers(0, 256, (height, width, 3), np.uint8)
    assert len(perceptual_hash(Image.fromarray(noise))) == HASH_BYTES
