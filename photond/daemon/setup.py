"""What the daemon works by, as it was configured at some moment."""

from dataclasses import dataclass

from photond.config.settings import Settings
from photond.models.pack import Pack
from photond.vocabulary.concepts import Vocabulary


@dataclass(frozen=True, slots=True)
class Setup:
    """What the user's configuration comes to.

    Attributes:
        settings: The settings.
        configuration: Their fingerprint, taken before they were read; None if that is not known.
        pack: The pack that they name.
        vocabulary: What photos are tagged with.
    """

    settings: Settings
    configuration: str | None
    pack: Pack
    vocabulary: Vocabulary
