"""What the parts are told: what the pack wants, and what the user allows."""

from photond.config.settings import Settings
from photond.errors import ConfigError
from photond.imaging.decoder import Decoder
from photond.imaging.picture import Limits
from photond.imaging.preprocess import InputSpec
from photond.models.pack import ImageSpec
from photond.pipeline.rules import Rules


def input_spec(image: ImageSpec) -> InputSpec:
    """What pictures are to be made into for a pack's image tower."""
    return InputSpec(image.size, image.resize, image.resampling, image.mean, image.std)


def picture_limits(settings: Settings) -> Limits:
    """What one photo may cost."""
    return Limits(settings.index.max_megapixels * 1_000_000, settings.index.max_seconds)


def max_bytes(settings: Settings) -> int:
    """How large a file may be."""
    return settings.index.max_megabytes * 1_000_000


def new_decoder(settings: Settings) -> Decoder:
    """A decoder for the thread that asks, for what the user allows a photo."""
    return Decoder(picture_limits(settings), max_bytes(settings))


def rules_of(settings: Settings) -> Rules:
    """Which names are taken.

    Raises:
        ConfigError: A pattern of the user's is not one.
    """
    rules = Rules(
        hidden=settings.index.hidden,
        follow_symlinks=settings.index.follow_symlinks,
        pair_raw=settings.index.pair_raw,
    )
    if not settings.index.exclude:
        return rules
    try:
        return rules.within("", settings.index.exclude)
    except ValueError as error:
        raise ConfigError(f"index.exclude has a pattern that cannot be used: {error}") from error
