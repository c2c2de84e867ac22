"""Turns a picture into the tensor that an image tower takes."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from photond.imaging.preprocess import InputSpec, to_square


def to_tensor(image: Image.Image, spec: InputSpec) -> npt.NDArray[np.float32]:
    """The model's input for one picture: `to_square`, then `normalised`.

    Args:
        image: Mode RGB, of any size above zero.
        spec: What the tower wants.

    Returns:
        float32, shape (3, size, size), red, green, blue; C-contiguous.
    """
    return normalised(np.asarray(to_square(image, spec)), spec)


def normalised(pixels: npt.NDArray[np.uint8], spec: InputSpec) -> npt.NDArray[np.float32]:
    """A square as the tower takes it: every value becomes `(x / 255 - mean) / std`.

    Args:
        pixels: Shape (size, size, 3), red, green, blue.
        spec: What the tower wants.

    Returns:
        float32, shape (3, size, size); C-contiguous.
    """
    # As one multiplication and one addition, both in float32: the factors are
    # worked out in double precision first, so that the result differs from the formula's by rounding.
    std = np.asarray(spec.std, np.float64)
    scale = (1 / (255 * std)).astype(np.float32)[:, None, None]
    shift = (-np.asarray(spec.mean, np.float64) / std).astype(np.float32)[:, None, None]
    tensor = np.empty((3, spec.size, spec.size), np.float32)
    np.multiply(pixels.transpose(2, 0, 1), scale, out=tensor)
    tensor += shift
    return tensor
