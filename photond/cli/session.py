"""What every command has at hand: the settings, the index and the pack."""

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photond.config.settings import Settings
    from photond.models.pack import Pack
    from photond.search.answering import Answering
    from photond.store.database import Connection
    from photond.vocabulary.concepts import Vocabulary

_LEVELS = ("error", "warning", "info", "debug")


def absolute(path: Path) -> str:
    """A path from the command line as an absolute one, with symbolic links left as they are."""
    return os.path.abspath(path)  # noqa: PTH100 - Path.resolve() would follow them


class Session:
    """One run of the command line.

    Args:
        config: The configuration file that the user named.
        verbosity: How many times -v was given, less how many times -q was.
    """

    def __init__(self, config: Path | None, verbosity: int) -> None:
        self.config = config
        self.verbosity = verbosity

    def anew(self) -> "Session":
        """The same session, which reads everything once more."""
        return Session(self.config, self.verbosity)

    @cached_property
    def settings(self) -> "Settings":
        """The settings in effect; logging is set up by them the first time they are asked for."""
        from photond.config.load import load
        from photond.logs import configure

        settings = load(self.config)
        level = _LEVELS.index(settings.log.level) + self.verbosity
        configure(_LEVELS[min(max(level, 0), len(_LEVELS) - 1)], settings.log.format)
        return settings

    @property
    def database(self) -> Path:
        """The index's file."""
        return self.settings.database_path()

    def open_index(self, *, create: bool = False) -> "Connection":
        """Open the index.

        Raises:
            IndexDatabaseError: There is none and it is not to be created, or it cannot be used.
        """
        from photond.store.database import open_index

        return open_index(self.database, create=create)

    @cached_property
    def pack(self) -> "Pack":
        """The model pack in use.

        Raises:
            ModelError: It is missing or its `model.toml` is not right.
        """
        from photond.config import locations
        from photond.models.shelf import find_pack

        return find_pack(self.settings.model.pack, locations.models_dir())

    @property
    def has_built_in_pack(self) -> bool:
        """Whether the model pack in use is one that comes with photond."""
        from photond.models.shelf import BUILT_IN

        return self.pack.folder.parent == BUILT_IN

    def answering(self, connection: "Connection") -> "Answering":
        """The pack that answers: the one in use, or the one that it is about to replace.

        Raises:
            ModelError: The pack in use is missing or its `model.toml` is not right.
            IndexDatabaseError: Nothing is indexed yet.
        """
        from photond.config import locations
        from photond.search.answering import answering_pack

        return answering_pack(connection, self.pack, locations.models_dir())

    @cached_property
    def vocabulary(self) -> "Vocabulary":
        """What photos are tagged with.

        Raises:
            ConfigError: The user's own part of it is not right.
        """
        from photond.config import locations
        from photond.vocabulary.own import load_vocabulary

        return load_vocabulary(locations.vocabulary_file())
