"""File names that promise a photo."""

RAW_SUFFIXES = frozenset(
    {
        ".3fr",
        ".arw",
        ".bay",
        ".cr2",
        ".cr3",
        ".crw",
        ".dcr",
        ".dng",
        ".erf",
        ".fff",
        ".gpr",
        ".iiq",
        ".k25",
        ".kdc",
        ".mdc",
        ".mef",
        ".mos",
        ".mrw",
        ".nef",
        ".nrw",
        ".orf",
        ".ori",
        ".pef",
        ".raf",
        ".raw",
        ".rw2",
        ".rwl",
        ".sr2",
        ".srf",
        ".srw",
        ".x3f",
    }
)
"""Suffixes of cameras' own formats, which LibRaw reads; lower case, with the dot."""

PHOTO_SUFFIXES = RAW_SUFFIXES | frozenset(
    {
        ".apng",
        ".avif",
        ".bmp",
        ".dib",
        ".gif",
        ".heic",
        ".heif",
        ".hif",
        ".jfif",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".mpo",
        ".png",
        ".tif",
        ".tiff",
        ".webp",
    }
)
"""Suffixes of all files that are taken for photos; lower case, with the dot."""


def is_photo_name(name: str) -> bool:
    """Whether a file of this name is worth opening.

    Only the suffix counts, in upper or lower case, and there must be a name before it. What the file
    really is, `photond.imaging.decode.decode` finds out from its bytes.
    """
    return suffix(name) in PHOTO_SUFFIXES


def suffix(name: str) -> str:
    """The lower-case suffix of a file name or path, with its dot; empty where it has none.

    Not `os.path.splitext`, for one reason only: a scan asks this for every file there is, and nearly
    all of the time goes into splitting the folders off first.
    """
    stem, dot, end = name.rpartition(".")
    if not dot or not stem or stem.endswith("/") or "/" in end:
        return ""
    return "." + end.lower()
