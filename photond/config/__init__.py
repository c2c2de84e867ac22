"""What the user has set, and where photond's files lie."""

from photond.config.load import Origin, chosen_file, load, load_with_origins
from photond.config.settings import (
    IndexSettings,
    LogSettings,
    ModelSettings,
    PowerSettings,
    QuerySettings,
    Settings,
    TagSettings,
    WatchSettings,
)

__all__ = [
    "IndexSettings",
    "LogSettings",
    "ModelSettings",
    "Origin",
    "PowerSettings",
    "QuerySettings",
    "Settings",
    "TagSettings",
    "WatchSettings",
    "chosen_file",
    "load",
    "load_with_origins",
]
