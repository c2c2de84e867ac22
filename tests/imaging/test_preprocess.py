"""Pictures to tensors, held against an independent calculation."""

import numpy as np
import pytest
from PIL import Image

from photond.imaging.preprocess import InputSpec
from photond.imaging.tensor import to_tensor
from tests.imaging.pictures import quadrants

SIGLIP = InputSpec(224, "squash", "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
CLIP = InputSpec(224, "crop", "bicubic", CLIP_MEAN, CLIP_STD)

SIZES = [(640, 427), (427, 640), (300, 300), (50, 31), (1000, 120), (225, 224), (224, 224)]


def noise(size: tuple[int, int]) -> Image.Image:
    random = np.random.default_rng(7)
    small = Image.fromarray(random.integers(0, 256, (20, 30, 3), np.uint8))
    return small.resize(size, Image.Resampling.BILINEAR)


@pytest.mark.parametrize("size", SIZES)
def test_squash_is_resize_scale_and_shift(size: tuple[int, int]) -> None:
    image = noise(size)
    tensor = to_tensor(image, SIGLIP)
    resized = image.resize((224, 224), Image.Resampling.BICUBIC)
    expected = (np.asarray(resized, np.float64) / 255 - 0.5) / 0.5
    assert tensor.shape == (3, 224, 224)
    assert tensor.dtype == np.float32
    assert tensor.flags.c_contiguous
    assert np.abs(tensor - expected.transpose(2, 0, 1)).max() < 1e-6


def test_squash_keeps_the_whole_picture_and_crop_its_centre() -> None:
    wide = quadrants(600, 100)
    squashed = to_tensor(wide, SIGLIP)
    assert squashed[0, 10, 10] == pytest.approx((200 / 255 - 0.5) / 0.5, abs=0.02)
    banner = Image.new("RGB", (600, 100), "black")
    banner.paste("white", (200, 0, 400, 100))
    assert to_tensor(banner, SIGLIP)[:, :, 0].max() < -0.9
    assert to_tensor(banner, CLIP)[0].min() > 1.5


@pytest.mark.parametrize("size", [(65_000, 1), (1, 65_000), (20_000, 4)])
def test_the_longest_pictures_are_cropped_without_being_blown_up(size: tuple[int, int]) -> None:
    ramp = Image.linear_gradient("L").resize(size).convert("RGB")
    middle = np.asarray(ramp).reshape(-1, 3)[size[0] * size[1] // 2]
    tensor = to_tensor(ramp, CLIP)
    expected = (middle / 255 - CLIP_MEAN) / CLIP_STD
    assert np.abs(tensor.mean(axis=(1, 2)) - expected).max() < 0.6
