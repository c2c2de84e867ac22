"""The packs at hand: those that come with photond and those in the user's folder."""

import difflib
import re
from pathlib import Path

from photond.config.ownership import require_trusted
from photond.errors import ModelError, PhotondError
from photond.models.pack import MANIFEST, Pack, load_pack
from photond.models.registry import registered_packs
from photond.models.staging import Staging, on_disk, reserved

BUILT_IN = Path(__file__).resolve().parents[1] / "packs"


def pack_folders(user_folder: Path) -> dict[str, Path]:
    """Where the packs lie, by the name of their folder; the user's stand before the built-in ones."""
    found: dict[str, Path] = {}
    for shelf in (user_folder, BUILT_IN):
        if shelf.is_dir():
            for manifest in sorted(shelf.glob(f"[!.]*/{MANIFEST}")):
                found.setdefault(manifest.parent.name, manifest.parent)
    return found


def find_pack(name: str, user_folder: Path) -> Pack:
    """The pack called `name`.

    Raises:
        ModelError: There is none, its `model.toml` is not right, or somebody else could have written it.
    """
    folders = pack_folders(user_folder)
    if name not in folders:
        raise _unknown(name, user_folder)
    pack = _trusted(folders[name])
    if pack.name != name:
        raise ModelError(
            f"the pack in {pack.folder} calls itself {pack.name!r}",
            "Its folder must have the same name.",
        )
    return pack


def find_by_fingerprint(fingerprint: str, name: str, user_folder: Path) -> Pack | None:
    """The pack with an embedding space, whatever it is called; None if it is not at hand.

    Args:
        fingerprint: Of the embedding space.
        name: What the pack was called, where it is looked for first.
        user_folder: Where the user's packs lie.
    """
    folders = pack_folders(user_folder)
    for folder in sorted(folders, key=lambda one: one != name):
        try:
            pack = _trusted(folders[folder])
        except ModelError:
            continue
        if pack.fingerprint == fingerprint:
            return pack
    return None


def _trusted(folder: Path) -> Pack:
    """A pack in whose files nobody else has a hand.

    Raises:
        ModelError: Somebody else could have written it, or its `model.toml` is not right.
    """
    if folder.parent == BUILT_IN:
        return load_pack(folder)  # a part of the program, and as much to be trusted as that
    require_trusted(ModelError, folder, folder / MANIFEST)
    pack = load_pack(folder)
    require_trusted(ModelError, *map(pack.path_of, pack.parts))
    return pack


def all_packs(user_folder: Path) -> dict[str, Pack | PhotondError]:
    """Every pack by name; in place of one that cannot be used, the reason."""
    packs: dict[str, Pack | PhotondError] = {}
    for name in pack_folders(user_folder):
        try:
            packs[name] = find_pack(name, user_folder)
        except ModelError as error:
            packs[name] = error
    return packs


def remove_pack(name: str, user_folder: Path) -> None:
    """Delete a pack in the user's folder, and what an interrupted download left of it.

    Raises:
        ModelError: There is none, it is built in, another process is at it, or the disk refuses.
    """
    if pack_folders(user_folder).get(name) == BUILT_IN / name:
        raise ModelError(f"the pack {name!r} is a part of photond, and stays")
    if not re.fullmatch(r"[^./][^/]*", name) or not Staging(user_folder, name).found:
        raise _unknown(name, user_folder)
    with reserved(user_folder, name) as staging, on_disk(user_folder):
        staging.remove()


def _unknown(name: str, user_folder: Path) -> ModelError:
    what = f"there is no model pack {name!r} (looked in {user_folder})"
    if name in registered_packs():
        return ModelError(what, f"`photond models download {name}` fetches it.")
    near = difflib.get_close_matches(name, pack_folders(user_folder), n=1)
    return ModelError(what, f"Did you mean {near[0]!r}?" if near else "See `photond models list`.")


def bytes_of(pack: Pack) -> int:
    """How large the files of a pack are, as they lie on the disk.

    Raises:
        ModelError: One is missing.
    """
    try:
        return sum(pack.path_of(part).stat().st_size for part in pack.parts)
    except OSError as error:
        raise ModelError(f"the pack {pack.name!r} is not whole: {error}") from error
