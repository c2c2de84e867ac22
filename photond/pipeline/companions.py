"""Companions: RAW files beside the JPEG or HEIC that was made of the same exposure.

Pure, and by names alone, so that a look at any moment and in any order comes to the same pairs.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable

from photond.imaging.formats import RAW_SUFFIXES, suffix

# What cameras and phones write beside a RAW; of two, the one that is named first is read.
_READ_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".heic", ".heif", ".hif")


def photos_of(names: Collection[str]) -> dict[str, str]:
    """The photo that is read in place of each RAW file, by the RAW's name.

    A RAW's photo has its name but for the suffix (`DSC1.ARW`, `dsc1.jpg`), or else its whole name with
    a suffix behind it (`DSC1.ARW.jpg`), as programs call what they develop. RAW files without such a
    photo are not among the keys. One photo may stand for several.

    Args:
        names: Of the files of one folder.
    """
    # Most folders have no RAW, and every pass comes by each of them: few endings are sooner looked at.
    endings = {name.rpartition(".")[2] for name in names}
    if RAW_SUFFIXES.isdisjoint(f".{ending.lower()}" for ending in endings):
        return {}
    raws = [name for name in names if suffix(name) in RAW_SUFFIXES]
    photos: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        if suffix(name) in _READ_SUFFIXES:
            photos[_stem(name).casefold()].append(name)
    found = {}
    for raw in raws:
        candidates = photos.get(_stem(raw).casefold()) or photos.get(raw.casefold())
        if candidates:
            found[raw] = min(candidates, key=lambda photo: _rank(photo, raw))
    return found


def with_relatives(names: Iterable[str], present: Iterable[str]) -> set[str]:
    """Some names, and those of the files whose pairing they may change.

    Args:
        names: Of files that are there or not.
        present: Of all that lies in their folder.
    """
    asked = set(names)
    exposures = {exposure for name in asked if (exposure := _exposure(name)) is not None}
    # A folder may have very many names: most are ruled out by how they begin.
    beginnings = {_beginning(exposure) for exposure in exposures}
    return asked | {
        name
        for name in present
        if _beginning(name).casefold() in beginnings and _exposure(name) in exposures
    }


def may_have_relatives(name: str) -> bool:
    """Whether a file of this name can be half of a pair."""
    return _exposure(name) is not None


def _exposure(name: str) -> str | None:
    """What the names of all files of one exposure have in common; None for one that pairs with none."""
    if suffix(name) not in RAW_SUFFIXES and suffix(name) not in _READ_SUFFIXES:
        return None
    stem = _stem(name)
    while suffix(stem) in RAW_SUFFIXES:
        stem = _stem(stem)
    return stem.casefold()


def _rank(photo: str, raw: str) -> tuple[bool, int, str]:
    """The smaller, the rather it is read: the same case first, then by suffix, then by name."""
    return not photo.startswith(_stem(raw)), _READ_SUFFIXES.index(suffix(photo)), photo


def _beginning(name: str) -> str:
    return name.partition(".")[0]


def _stem(name: str) -> str:
    return name.rpartition(".")[0]
