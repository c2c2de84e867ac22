"""From the cosine of two embeddings to a confidence."""

import math

import numpy as np
import numpy.typing as npt

from photond.models.pack import ScoreSpec


def confidence(cosine: npt.ArrayLike, score: ScoreSpec) -> npt.NDArray[np.float32]:
    """The probability that a text describes a picture.

    `sigmoid(logit_scale * cosine + logit_bias)`: the loss that SigLIP was trained with takes every
    pair by itself (Zhai et al. 2023, "Sigmoid Loss for Language Image Pre-Training", section 3), so
    the confidences of several texts are independent and do not sum to 1.

    Args:
        cosine: Cosine similarities in [-1, 1], of any shape.
        score: The pack's scale and bias.

    Returns:
        float32 of the same shape, in [0, 1].
    """
    logit = score.logit_scale * np.asarray(cosine, np.float64) + score.logit_bias
    # Neither overflows for the most negative logits nor rounds them to 0, as the plain formula does.
    probability: npt.NDArray[np.float32] = np.exp(-np.logaddexp(0.0, -logit)).astype(np.float32)
    return probability


def cosine_of(wanted: float, score: ScoreSpec) -> float:
    """The cosine at which `confidence` reaches a value.

    Args:
        wanted: A confidence in [0, 1].
        score: The pack's scale and bias.

    Returns:
        Any number; beyond [-1, 1] where every cosine, or none, is enough. -inf for 0 and inf for 1.
    """
    if wanted <= 0:
        return -math.inf
    if wanted >= 1:
        return math.inf
    return (math.log(wanted / (1 - wanted)) - score.logit_bias) / score.logit_scale
