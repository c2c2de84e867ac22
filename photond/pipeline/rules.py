"""Which names below a photo folder are looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from pathspec import GitIgnoreSpec

from photond.imaging.formats import PHOTO_SUFFIXES, is_photo_name

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

_BUILT_IN = repr(
    (
        sorted(PHOTO_SUFFIXES),
        sorted(IGNORED_FOLDERS),
        _IGNORED_FOLDER_PREFIXES,
        _TEMPORARY_PREFIXES,
    )
)


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
        fingerprint: The same for rules that take the same names, also in another version of photond.
    """

    hidden: bool = False
    follow_symlinks: bool = False
    pair_raw: bool = True
    scopes: tuple[tuple[str, GitIgnoreSpec], ...] = ()
    fingerprint: bytes = field(init=False, repr=False, compare=False)

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

    def __post_init__(self) -> None:
        scopes = [
            (prefix, [str(pattern.pattern) for pattern in spec.patterns])
            for prefix, spec in self.scopes
        ]
        said = _BUILT_IN + repr((self.hidden, self.follow_symlinks, self.pair_raw, scopes))
        digest = blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        # Once for all folders that they hold for.
        object.__setattr__(self, "fingerprint", digest)

    def takes_folder(self, relative: str, name: str) -> bool:
        """Whether to enter a folder, given its path below the root."""
        return self.refusal_of_folder(relative, name) is None

    def takes_file(self, relative: str, name: str) -> bool:
        """Whether a file is a photo to index, given its path below the root."""
        return self.refusal_of_file(relative, name) is None

    def refusal_of_folder(self, relative: str, name: str) -> str | None:
        """Why a folder is not entered, in words that follow its path; None if it is."""
        if name in IGNORED_FOLDERS or name.startswith(_IGNORED_FOLDER_PREFIXES):
            return "is a folder that other programs make and photond never enters"
        return self._refusal(name, relative + "/")

    def refusal_of_file(self, relative: str, name: str) -> str | None:
        """Why a file is not a photo to index, in words that follow its path; None if it is one."""
        if not is_photo_name(name):
            return "does not have the name of a photo"
        if name.startswith(_TEMPORARY_PREFIXES):
            return "has the name of a temporary file"
        return self._refusal(name, relative)

    def _refusal(self, name: str, relative: str) -> str | None:
        if name.startswith(".") and not self.hidden:
            return "is hidden (index.hidden)"
        # As in git, the innermost folder that says something about a name has the last word.
        for prefix, spec in reversed(self.scopes):
            verdict = spec.check_file(relative[len(prefix) :])
            if verdict.include is None or verdict.index is None:
                continue
            if not verdict.include:
                return None
            source = f"{prefix}{IGNORE_FILE}" if prefix else f"index.exclude or {IGNORE_FILE}"
            return f"is left out by {spec.patterns[verdict.index].pattern!r} of {source}"
        return None
