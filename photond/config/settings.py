"""What a user can set, with each key's meaning, limits and default.

The annotations are the one source of this knowledge: validation, the error messages and
`config.example.toml` are all derived from them.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from photond.config import locations
from photond.config.wording import quoted
from photond.errors import ConfigError


class IndexSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is indexed, and how hard photond works at it."""

    exclude: Annotated[
        tuple[Annotated[str, Meta(min_length=1)], ...],
        Meta(
            description="Glob patterns of files and folders that are never indexed, on top of the "
            "built-in ones. They are matched against the path inside the folder, as in a .gitignore: "
            'for example ["Screenshots/", "*.gif"].',
        ),
    ] = ()
    follow_symlinks: Annotated[
        bool, Meta(description="Also look into folders that are symbolic links.")
    ] = False
    hidden: Annotated[
        bool, Meta(description="Also index files and folders whose name starts with a dot.")
    ] = False
    pair_raw: Annotated[
        bool,
        Meta(
            description="Take a RAW and the JPEG or HEIC of the same name beside it for one photo: the "
            "JPEG or HEIC is read, and the RAW is only known."
        ),
    ] = True
    workers: Annotated[
        int,
        Meta(
            description="How many photos are worked on at the same time; 0 is one per available core.",
            ge=0,
            le=64,
        ),
    ] = 0
    max_megapixels: Annotated[
        int, Meta(description="A photo with more pixels, in millions, is not opened.", ge=1)
    ] = 250
    max_megabytes: Annotated[
        int, Meta(description="A file larger than this, in megabytes, is not opened.", ge=1)
    ] = 512
    max_seconds: Annotated[
        int, Meta(description="A photo that takes longer to decode, in seconds, is given up.", ge=1)
    ] = 60
    forget_after_days: Annotated[
        int,
        Meta(
            description="For how many days a photo is remembered that vanished from a folder that is "
            "still there; its photos come back without any work within that time.",
            ge=0,
        ),
    ] = 30


class ModelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model understands the photos and the words."""

    pack: Annotated[
        str,
        Meta(
            description="Name of a model pack; `photond models list` shows those there are.",
            min_length=1,
        ),
    ] = "mini"
    keep_old: Annotated[
        bool,
        Meta(
            description="Keep the embeddings of the pack that was used before when another one has "
            "taken over; going back to it then costs nothing, and the index is larger.",
        ),
    ] = False
    keep_prepared: Annotated[
        bool,
        Meta(
            description="Keep each model in $XDG_CACHE_HOME/photond (usually ~/.cache) as it was made "
            "ready for this machine's processor: it is loaded faster and takes less memory, and about "
            "twice its size on the disk.",
        ),
    ] = True
    idle_unload_seconds: Annotated[
        int,
        Meta(
            description="A model that was not used for so many seconds is unloaded and its memory given "
            "back; 0 keeps it.",
            ge=0,
        ),
    ] = 300


class TagSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which tags a photo gets."""

    min_confidence: Annotated[
        float,
        Meta(
            description="A tag is given when the model is at least this sure; 0 leaves it to the model "
            "pack, which knows what its confidence is worth.",
            ge=0.0,
            le=1.0,
        ),
    ] = 0.0
    max_tags: Annotated[
        int,
        Meta(
            description="How many tags a photo gets at most, the surest first; 0 turns tags off.",
            ge=0,
            le=100,
        ),
    ] = 8
    thresholds: Annotated[
        Literal["auto", "fixed", "learnt"],
        Meta(
            description="Whether a label that very many of your photos would get must be surer of each "
            "than min_confidence says. Learnt thresholds do that from 500 photos on; auto learns where "
            "the model pack says that its confidence is not worth the same for every label.",
        ),
    ] = "auto"


class QuerySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a search answers."""

    limit: Annotated[int, Meta(description="How many photos a search shows.", ge=1)] = 20
    thumbnails: Annotated[
        Literal["auto", "pixels", "never"],
        Meta(
            description="Whether a search shows the photos on a terminal. auto does, in pixels where "
            "the terminal can, else in coloured blocks, and not with NO_COLOR; pixels does without the "
            "blocks.",
        ),
    ] = "auto"


class WatchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How `photond run` notices what changes in the folders."""

    settle_seconds: Annotated[
        float,
        Meta(
            description="A photo is read when it has not changed for so many seconds, so that none is "
            "read while it is being copied.",
            ge=0.1,
            le=3600,
        ),
    ] = 2.0
    rescan_hours: Annotated[
        int,
        Meta(
            description="After so many hours all folders are compared with the index, whatever was "
            "noticed meanwhile.",
            ge=1,
        ),
    ] = 24
    poll_minutes: Annotated[
        int,
        Meta(
            description="How often a folder is compared with the index in which changes cannot be "
            "noticed, such as one on a network disk.",
            ge=1,
        ),
    ] = 15


class PowerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the daemon treats your laptop."""

    on_battery: Annotated[
        Literal["run", "slow", "pause"],
        Meta(
            description="What the daemon does with photos that are to be read while the machine runs on "
            "its battery: goes on as always, reads one at a time and rests in between, or leaves them "
            "until there is power. Searches are answered all the same.",
        ),
    ] = "slow"


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What photond says about its work, on stderr."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least grave messages that are shown."),
    ] = "info"
    format: Annotated[
        Literal["auto", "console", "json"],
        Meta(
            description="How messages are written; auto is for people on a terminal, and JSON lines "
            "everywhere else.",
        ),
    ] = "auto"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that a user can set."""

    folders: Annotated[
        tuple[Annotated[str, Meta(min_length=1)], ...],
        Meta(
            description="The folders that hold your photos, with everything below them. "
            '"~" is your home folder, and variables such as $HOME are filled in.',
        ),
    ] = ()
    database: Annotated[
        str,
        Meta(
            description="The file that holds the index; empty is photond/index.db in $XDG_DATA_HOME "
            "(usually ~/.local/share).",
        ),
    ] = ""
    index: IndexSettings = IndexSettings()
    model: ModelSettings = ModelSettings()
    tags: TagSettings = TagSettings()
    query: QuerySettings = QuerySettings()
    watch: WatchSettings = WatchSettings()
    power: PowerSettings = PowerSettings()
    log: LogSettings = LogSettings()

    def folder_paths(self) -> tuple[Path, ...]:
        """The folders as absolute paths, each photo below exactly one of them.

        A folder that a walk of another one reaches anyway is left out. One inside another that the
        walk would pass by, because it is hidden or behind a symbolic link, is kept: whoever lists it
        wants it indexed.

        Raises:
            ConfigError: A folder is not absolute after `~` and variables are filled in.
        """
        paths = dict.fromkeys(absolute_path(folder) for folder in self.folders)
        return tuple(
            path
            for path in paths
            if not any(self._reaches(outer, path) for outer in paths if outer != path)
        )

    def database_path(self) -> Path:
        """The index file as an absolute path.

        Raises:
            ConfigError: `database` is not absolute after `~` and variables are filled in.
        """
        if not self.database:
            return locations.data_dir() / "index.db"
        return absolute_path(self.database)

    def _reaches(self, outer: Path, inner: Path) -> bool:
        if not inner.is_relative_to(outer):
            return False
        between = inner.relative_to(outer)
        if not self.index.hidden and any(part.startswith(".") for part in between.parts):
            return False
        if self.index.follow_symlinks:
            return True
        return not any((outer / step).is_symlink() for step in (between, *between.parents[:-1]))


def absolute_path(text: str) -> Path:
    """Fills in `~` and variables, and removes `.` and `..`; the path need not exist.

    Relative paths are refused, since a daemon and a shell would read them differently.

    Raises:
        ConfigError: The path is relative, or cannot be one.
    """
    path = locations.with_home(os.path.expandvars(text))
    if not path.is_absolute():
        raise ConfigError(
            f"{quoted(text)} is not an absolute path; begin it with /, ~ or a variable"
        )
    return Path(os.path.normpath(path))
