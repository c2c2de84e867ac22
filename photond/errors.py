"""Everything that photond can tell its user went wrong.

Each error says what happened, to which file, and what can be done; the command line prints it in one
line and exits with the code of its class. The codes are part of the interface (README, "Exit codes").
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process's exit status means."""

    DONE = 0
    INCOMPLETE = 1
    USAGE = 2
    CONFIGURATION = 3
    MODEL = 4
    INDEX = 5
    INTERRUPTED = 130


class PhotondError(Exception):
    """A failure that is explained to the user rather than traced.

    Args:
        message: What happened, and to what.
        remedy: What the user can do about it, as a sentence; empty where there is nothing to say.
    """

    exit_code = ExitCode.INCOMPLETE

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}" if self.remedy else self.message

    @property
    def lines(self) -> list[str]:
        """What is said of it, a line each."""
        return [str(self)]


class UsageError(PhotondError):
    """The command was called with something that it cannot take."""

    exit_code = ExitCode.USAGE


class ConfigError(PhotondError):
    """The configuration has an unknown key, a wrong type or an impossible value."""

    exit_code = ExitCode.CONFIGURATION


class ModelError(PhotondError):
    """A model pack is missing, damaged or does not do what its `model.toml` says."""

    exit_code = ExitCode.MODEL


class IndexDatabaseError(PhotondError):
    """The index is missing, locked, damaged or from a newer version."""

    exit_code = ExitCode.INDEX


class IndexUnavailableError(IndexDatabaseError):
    """The index cannot be written to for the moment: it is locked, or its disk is full or fails."""


class DamagedIndexError(IndexDatabaseError):
    """The file of the index is not what SQLite has written."""


class PictureError(PhotondError):
    """One photo could not be read; the reason is kept with it and the others go on.

    Args:
        reason: What is wrong with the file, without its path: the path is stored beside it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
