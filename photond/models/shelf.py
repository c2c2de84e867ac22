"""The packs at hand: those that come with photond and those in the user's folder."""

import difflib
from pathlib import Path

from photond.errors import ModelError, PhotondError
from photond.models.pack import MANIFEST, Pack, load_pack

BUILT_IN = Path(__file__).resolve().parents[1] / "packs"


def pack_folders(user_folder: Path) -> dict[str, Path]:
    """Where the packs lie, by the name of their folder; the user's stand before the built-in ones."""
    found: dict[str, Path] = {}
    for shelf in (user_folder, BUILT_IN):
        if shelf.is_dir():
            # What begins with a dot is not finished yet.
            for manifest in sorted(shelf.glob(f"[!.]*/{MANIFEST}")):
                found.setdefault(manifest.parent.name, manifest.parent)
    return found


def find_pack(name: str, user_folder: Path) -> Pack:
    """The pack called `name`.

    Raises:
        ModelError: There is none, or its `model.toml` is not right.
    """
    folders = pack_folders(user_folder)
    if name not in folders:
        near = difflib.get_close_matches(name, folders, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "See `photond models list`."
        raise ModelError(f"there is no model pack {name!r} (looked in {user_folder})", hint)
    pack = load_pack(folders[name])
    if pack.name != name:
        raise ModelError(
            f"the pack in {pack.folder} calls itself {pack.name!r}",
            "Its folder must have the same name.",
        )
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
