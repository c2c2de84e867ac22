"""Which names below a photo folder are looked at."""

from collections.abc import Sequence

from pathspec import GitIgnoreSpec

from photond.errors import ConfigError
from photond.imaging.formats import is_photo_name

# Folders that programs make beside photos; what lies in them is never a photo of the user's.
IGNORED_FOLDERS = frozenset(
    {
        "@eaDir",
        "#recycle",
        "$RECYCLE.BIN",
        "lost+found",
        "node_modules",
        "System Volume Information",
        "__MACOSX",
    }
)


class Rules:
    """The names that a walk takes, from the built-in lists and the user's patterns.

    Args:
        exclude: Patterns in the language of `.gitignore`, matched against the path below the root.
        hidden: Take names that start with a dot too. macOS's `._*` companions, the trash and version
            control stay out even then.
        follow_symlinks: Enter folders that are symbolic links.

    Raises:
        ConfigError: A pattern is not one.
    """

    def __init__(
        self, exclude: Sequence[str] = (), *, hidden: bool = False, follow_symlinks: bool = False
    ) -> None:
        try:
            self._excluded = GitIgnoreSpec.from_lines(exclude)
        except ValueError as error:
            raise ConfigError(
                f"index.exclude has a pattern that cannot be used: {error}"
            ) from error
        self._hidden = hidden
        self.follow_symlinks = follow_symlinks

    def takes_folder(self, relative: str, name: str) -> bool:
        """Whether to enter a folder, given its path below the root."""
        if name in IGNORED_FOLDERS or name.startswith((".Trash", ".git", ".hg", ".svn")):
            return False
        return self._takes(name, relative + "/")

    def takes_file(self, relative: str, name: str) -> bool:
        """Whether a file is a photo to index, given its path below the root."""
        return is_photo_name(name) and not name.startswith("._") and self._takes(name, relative)

    def _takes(self, name: str, relative: str) -> bool:
        if name.startswith(".") and not self._hidden:
            return False
        return not self._excluded.match_file(relative)
