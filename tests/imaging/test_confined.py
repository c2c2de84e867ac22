"""A decoder process makes of every photo what this process does, confined as it is."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import features

from photond.errors import PictureError
from photond.imaging.decode import decode
from photond.imaging.decoder import CrashedError, Decoder
from photond.imaging.perceptual import perceptual_hash
from photond.imaging.picture import Limits
from photond.imaging.preprocess import InputSpec
from photond.imaging.tensor import to_tensor
from tests.hostile.corpus import sample
from tests.hostile.good import photos
from tests.imaging.pictures import encoded, quadrants, swapped_profile

Made = TypeVar("Made")

_LIMITS = Limits(max_pixels=20_000_000)
_SPECS = st.builds(
    InputSpec,
    st.sampled_from([32, 64, 224]),
    st.sampled_from(["squash", "crop"]),
    st.sampled_from(["bilinear", "bicubic", "lanczos"]),
    st.just((0.48, 0.46, 0.41)),
    st.just((0.27, 0.26, 0.28)),
)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with closing(Decoder(_LIMITS, 10**8)) as one:
        yield one


def assert_same(decoder: Decoder, data: bytes, name: str, spec: InputSpec) -> None:
    """The same picture, or the same reason."""
    here = _outcome(lambda: decode(data, name=name, min_side=spec.size, limits=_LIMITS))
    there = _outcome(lambda: decoder.decode(data, name, spec))
    if isinstance(here, str) or isinstance(there, str):
        assert here == there
        return
    assert there.facts == here.facts
    assert there.perceptual_hash == perceptual_hash(here.image)
    assert there.pixels.dtype == np.float32
    assert np.array_equal(there.pixels, to_tensor(here.image, spec))


def _outcome(make: Callable[[], Made]) -> Made | str:
    try:
        return make()
    except CrashedError as error:
        raise AssertionError(error.reason) from error
    except PictureError as error:
        return error.reason


@settings(max_examples=3)
@given(specs=st.lists(_SPECS, min_size=len(photos()), max_size=len(photos())))
def test_every_format_comes_out_the_same(decoder: Decoder, specs: list[InputSpec]) -> None:
    for (name, data), spec in zip(photos().items(), specs, strict=True):
        assert_same(decoder, data, name, spec)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_so_does_a_large_picture_with_a_profile(decoder: Decoder, kind: str) -> None:
    """Large enough for libheif and dav1d to start threads."""
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    options = {"speed": 10} if kind == "AVIF" else {}
    data = encoded(quadrants(3000, 2000), kind, icc_profile=swapped_profile(), **options)
    spec = InputSpec(224, "squash", "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert_same(decoder, data, "photo.jpg", spec)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**16), number=st.integers(0, 2**16), spec=_SPECS)
def test_so_do_hostile_photos_and_their_reasons(
    decoder: Decoder, seed: int, number: int, spec: InputSpec
) -> None:
    hostile = sample(seed, number)
    assert_same(decoder, hostile.data, os.path.basename(hostile.name), spec)  # noqa: PTH119
