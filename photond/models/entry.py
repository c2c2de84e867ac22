"""A pack against the registry's entry of the same name, which knows what the model wants."""

import re
from pathlib import Path
from typing import Any

import msgspec

from photond.errors import ModelError
from photond.models.pack import MANIFEST, Pack, read_manifest
from photond.models.registry import REGISTRY

# Prose, which may be said better one day without the model being another one.
_PROSE = frozenset({"title", "licence", "source", "unverified"})
# How quickly the same is computed.
_SPEED = frozenset({"batch"})
# What an entry may leave open: a download fills it in, or measures it.
_MAY_BE_OPEN = frozenset({"sha256", "bytes", "labels", "reference"})
_COMMIT = re.compile("[0-9a-f]{40}")


def check_against_registry(pack: Pack, registry: Path = REGISTRY) -> None:
    """See that a pack which claims to be one of the registry states what the registry states.

    Args:
        pack: Any pack; one that the registry does not know passes.
        registry: A folder with a folder for each entry.

    Raises:
        ModelError: It states something else.
    """
    manifest = registry / pack.name / MANIFEST
    if pack.repository is None or not manifest.is_file():
        return
    entry = read_manifest(manifest)
    if entry.repository != pack.repository:
        return
    if different := differences(pack, entry):
        raise ModelError(
            f"{pack.folder / MANIFEST} differs from what is known of {pack.repository}: "
            f"{'; '.join(different)}",
            f"Run `photond models download {pack.name}`, or give a pack of your own another name.",
        )


def differences(pack: Pack, entry: Pack) -> list[str]:
    """What a pack states otherwise than an entry, key by key, as `image.size is 256 and should be 224`.

    What an entry leaves open may be anything: hashes and sizes of files, label embeddings, reference
    cosines, and the revision where it is no commit. Where the pack lies, prose about the model, and what
    is only about speed are not compared.
    """
    revision_is_open = _COMMIT.fullmatch(entry.revision) is None
    skipped = _PROSE | {"folder"} | ({"revision"} if revision_is_open else set())
    return _differences(_plain(pack, skipped), _plain(entry, skipped), "")


def _plain(pack: Pack, skipped: frozenset[str]) -> dict[str, Any]:
    named = {
        field: getattr(pack, field) for field in pack.__struct_fields__ if field not in skipped
    }
    plain: dict[str, Any] = msgspec.to_builtins(named)
    return plain


def _differences(found: dict[str, Any], stated: dict[str, Any], table: str) -> list[str]:
    different = []
    for key in (stated.keys() | found.keys()) - _SPEED:
        one, other = found.get(key), stated.get(key)
        if other is None and key in _MAY_BE_OPEN:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            different += _differences(one, other, f"{table}{key}.")
        elif one != other:
            different.append(f"{table}{key} {_is(one)} and {_should_be(other)}")
    return sorted(different)


def _is(value: object) -> str:
    return "is not stated" if value is None else f"is {_plainly(value)}"


def _should_be(value: object) -> str:
    return "should not be stated" if value is None else f"should be {_plainly(value)}"


def _plainly(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_plainly, value))}]"
    return "a table" if isinstance(value, dict) else repr(value)
