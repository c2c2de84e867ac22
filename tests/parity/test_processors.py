"""Pictures to tensors, number by number, against the image processors of the reference."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the dependency group `parity` is not installed")
pytest.importorskip("transformers", reason="the dependency group `parity` is not installed")

from transformers import CLIPImageProcessorPil, SiglipImageProcessorPil

from photond.imaging.tensor import to_tensor
from tests.imaging.test_preprocess import CLIP, SIGLIP, SIZES, noise

pytestmark = pytest.mark.parity


@pytest.mark.parametrize("size", SIZES)
def test_squash_equals_the_image_processor_of_siglip(size: tuple[int, int]) -> None:
    processor = SiglipImageProcessorPil()
    expected = processor(noise(size), return_tensors="np")["pixel_values"][0]
    assert np.abs(to_tensor(noise(size), SIGLIP) - expected).max() < 1e-5


@pytest.mark.parametrize("size", SIZES)
def test_crop_equals_the_image_processor_of_clip(size: tuple[int, int]) -> None:
    processor = CLIPImageProcessorPil()
    expected = processor(noise(size), return_tensors="np")["pixel_values"][0]
    assert np.abs(to_tensor(noise(size), CLIP) - expected).max() < 1e-5
