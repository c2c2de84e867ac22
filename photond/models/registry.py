"""The registry: the packs that can be downloaded, each with a `model.toml` that says from where.

It travels with photond, so what is fetched under a name, and at which revision, is decided here and not
on the network.
"""

import difflib
from pathlib import Path

from photond.errors import ModelError
from photond.models.pack import MANIFEST, Pack, read_manifest

REGISTRY = Path(__file__).resolve().parents[1] / "registry"


def registered_packs(folder: Path | None = None) -> dict[str, Pack]:
    """Every pack that can be downloaded, by name.

    Args:
        folder: Another registry than the one that comes with photond.

    Raises:
        ModelError: An entry is not right.
    """
    manifests = sorted((folder or REGISTRY).glob(f"*/{MANIFEST}"))
    return {manifest.parent.name: read_manifest(manifest) for manifest in manifests}


def find_registered(name: str, folder: Path | None = None) -> Pack:
    """The entry called `name`.

    Args:
        name: Of the pack.
        folder: Another registry than the one that comes with photond.

    Raises:
        ModelError: There is none, or it is not right.
    """
    packs = registered_packs(folder)
    if name not in packs:
        near = difflib.get_close_matches(name, packs, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "See `photond models list`."
        raise ModelError(f"there is no pack {name!r} to download", hint)
    return packs[name]


def stated_bytes(pack: Pack) -> int | None:
    """How large a pack's files are together; None where that is not stated of all of them."""
    sizes = [part.bytes for part in pack.parts if part.bytes is not None]
    return sum(sizes) if len(sizes) == len(pack.parts) else None
