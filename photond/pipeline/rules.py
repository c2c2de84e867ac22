"""Which names below a photo folder are looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pathspec import GitIgnoreSpec

from photond.imaging.formats import is_photo_name

IGNORE_FILE = ".photondignore"

# Folders that programs make beside photos; what lies in them is never a photo of the user's.
IGNORED_FOLDERS = frozenset(
    {
        "@eaDir",
        "@Recycle",
        "#recycle",
        "#snapshot",
        "$RECYCLE.BIN",
        "lost+found",
        "node_modules",
        "System Volume Information",
        "__MACOSX",
        # Where copying and syncing programs keep what is not finished, or was replaced.
        ".stversions",
        ".rsync-partial",
        ".~tmp~",
        ".dropbox.cache",
    }
)
_IGNORED_FOLDER_PREFIXES = (".Trash", ".git", ".hg", ".svn")

# Files that are being written under a name for the time being, whatever their suffix, and macOS's
# companions. Names such as `x.jpg.part`, `x.jpg.tmp` or rsync's `.x.jpg.Ab12Cd` have no photo's suffix.
_TEMPORARY_PREFIXES = ("._", ".~", ".#", "~$", ".syncthing.", "~syncthing~", ".goutputstream-")


@dataclass(frozen=True, slots=True)
class Rules:
    """The names that a walk takes, from the built-in lists and the user's patterns.

    Attributes:
        hidden: Take names that start with a dot too. Temporary names, the trash and version control
            stay out even then.
        follow_symlinks: Enter folders that are symbolic links.
        pair_raw: Read of a RAW and the JPEG or HEIC of the same exposure only the latter.
        scopes: Patterns in the language of `.gitignore`, each with the folder below which they hold,
            as a path below the root that is empty or ends with a slash; the outermost first.
    """

    hidden: bool = False
    follow_symlinks: bool = False
    pair_raw: bool = True
    scopes: tuple[tuple[str, GitIgnoreSpec], ...] = ()

    def within(self, folder: str, lines: Sequence[str]) -> "Rules":
        """These rules, and more patterns for what lies below a folder.

        Args:
            folder: Its path below the root; empty for the root itself.
            lines: The patterns, such as the lines of the folder's `.photondignore`.

        Raises:
            ValueError: A pattern is not one.
        """
        scope = (folder + "/" if folder else "", GitIgnoreSpec.from_lines(lines))
        return replace(self, scopes=(*self.scopes, scope))

    def takes_folder(self, relative: str, name: str) -> bool:
        """Whether to enter a folder, given its path below the root."""
        if name in IGNORED_FOLDERS or name.startswith(_IGNORED_FOLDER_PREFIXES):
            return False
        return self._takes(name, relative + "/")

    def takes_file(self, relative: str, name: str) -> bool:
        """Whether a file is a photo to index, given its path below the root."""
        if not is_photo_name(name) or name.startswith(_TEMPORARY_PREFIXES):
            return False
        return self._takes(name, relative)

    def _takes(self, name: str, relative: str) -> bool:
        if name.startswith(".") and not self.hidden:
            return False
        # As in git, the innermost folder that says something about a name has the last word.
        for prefix, spec in reversed(self.scopes):
            verdict = spec.check_file(relative[len(prefix) :]).include
            if verdict is not None:
                return not verdict
        return True
