"""From the cosine of two embeddings to a confidence."""

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
    logit: npt.NDArray[np.float32] = (
        score.logit_scale * np.asarray(cosine, np.float32) + score.logit_bias
    )
    # As a tanh, because exp() of a large negative logit overflows.
    probability: npt.NDArray[np.float32] = 0.5 * (1.0 + np.tanh(0.5 * logit))
    return probability
