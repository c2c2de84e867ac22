"""Learning from the user's own photos from which cosine on a label is given.

A model likes some labels more than others, whatever the picture: one that it gives to half of all
photos says little about any of them. So a label that very many photos pass must be surer of each.
"""

import numpy as np

from photond.models.pack import ScoreSpec
from photond.models.score import cosine_of
from photond.pipeline.tagging import Float32

# Fewer photos than these say nothing about a label.
MIN_PHOTOS = 500
# More photos than these are not looked at: the quantile is as good.
MAX_PHOTOS = 5_000
# Up to this share of the photos is given a label without being asked more of than others are.
COMMON_SHARE = 0.05
# With this confidence a label is always given: if most photos are of the sea, most show the sea.
SURE_CONFIDENCE = 0.5


def learn(cosines: Float32, score: ScoreSpec) -> Float32:
    """From which cosine on each label is given, by the photos there are.

    The quantile that leaves `COMMON_SHARE` of the photos above it, and at most the cosine of
    `SURE_CONFIDENCE`. It only ever raises a threshold: see `photond.pipeline.tagging.least_cosines`.

    Args:
        cosines: Of photos with labels, float32 of shape (photos, labels), at least one photo.
        score: The pack's scale and bias.

    Returns:
        float32 of shape (labels,).
    """
    common = np.quantile(cosines, 1 - COMMON_SHARE, axis=0)
    ceiling = cosine_of(SURE_CONFIDENCE, score)
    least: Float32 = np.minimum(common, ceiling).astype(np.float32)
    return least


def is_due(photos: int, learnt_from: int | None) -> bool:
    """Whether the thresholds are to be learnt anew: first at `MIN_PHOTOS`, then at each doubling.

    Args:
        photos: How many there are.
        learnt_from: How many there were the last time; None if there was none.
    """
    return photos >= MIN_PHOTOS and photos >= 2 * (learnt_from or 0)
