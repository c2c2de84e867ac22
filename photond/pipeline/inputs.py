"""What the imaging room is told: what the pack wants, and what the user allows."""

from photond.config.settings import Settings
from photond.imaging.picture import Limits
from photond.imaging.preprocess import InputSpec
from photond.models.pack import ImageSpec


def input_spec(image: ImageSpec) -> InputSpec:
    """What pictures are to be made into for a pack's image tower."""
    return InputSpec(image.size, image.resize, image.resampling, image.mean, image.std)


def picture_limits(settings: Settings) -> Limits:
    """What one photo may cost."""
    return Limits(settings.index.max_megapixels * 1_000_000, settings.index.max_seconds)
