"""A smaller pack from a pack: its towers in int8, made on the user's own machine."""

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import msgspec
import tomlkit

from photond.config.extras import how_to_install
from photond.errors import ModelError, UsageError
from photond.models.hashes import sha256_of
from photond.models.pack import (
    MANIFEST,
    ImageSpec,
    Pack,
    Part,
    Reference,
    TextSpec,
    load_pack,
)
from photond.replacement import sync

# Begins with a dot, so that nothing takes what is unfinished for a pack.
_STAGING = ".quantize-"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")

AnyPart = TypeVar("AnyPart", bound=Part)


def quantize_pack(
    pack: Pack, name: str, folder: Path, examine: Callable[[Pack], Reference | None]
) -> Pack:
    """Write a pack of the same model whose towers are int8.

    It appears in `folder` whole or not at all. Takes memory of some four times the larger tower, and
    disk space of some three times the pack until it is done.

    Args:
        pack: The pack, whose files are verified first. A tower with nothing to quantise is copied.
        name: Of the new pack.
        folder: The user's packs; made if it is not there.
        examine: Is given the new pack before it has its name, and returns the reference to state in it.
            What it raises refuses the pack, and nothing of it is kept.

    Raises:
        UsageError: The name cannot be one, or is taken.
        ModelError: Nothing in the pack can be quantised, the packages for it are lacking, or the disk is
            full or may not be written to.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a pack's name", "Use a-z, 0-9 and . _ - after the first."
        )
    int8 = require_extra()
    pack.verify()
    try:
        with _staging(folder, name) as staging:
            draft = _write_draft(int8, pack, name, staging)
            draft = _stating(draft, examine(draft))
            # A power cut must not leave a pack that is not whole.
            for path in (*staging.iterdir(), staging):
                sync(path)
            staging.rename(folder / name)
    except OSError as error:
        raise ModelError(
            f"the pack {name!r} cannot be written to {folder}: {error.strerror or error}"
        ) from error
    return load_pack(folder / name)


def require_extra() -> ModuleType:
    """The module that quantises.

    Raises:
        ModelError: The packages that it needs are not installed.
    """
    try:
        from photond.models import int8  # noqa: PLC0415 - needs packages that few have
    except ImportError as error:
        raise ModelError(
            f"what quantising needs is not installed ({error})",
            how_to_install("quantize", "onnx", "ml_dtypes"),
        ) from error
    return int8


@contextmanager
def _staging(folder: Path, name: str) -> Iterator[Path]:
    """A new hidden folder beside the packs, which is gone at the end unless it was renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    with _only_quantiser(folder):
        # Nobody else is at it, so these are of a process that was killed.
        for leftover in folder.glob(f"{_STAGING}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        if (folder / name).exists():
            raise UsageError(
                f"there is a pack {name!r} in {folder} already",
                "Choose another name with --as, or remove it.",
            )
        staging = folder / f"{_STAGING}{name}"
        staging.mkdir()
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _only_quantiser(folder: Path) -> Iterator[None]:
    """Be the only process that quantises; the kernel drops the lock with the process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ModelError(
                f"another photond is writing to {folder}", "Wait until it has finished."
            ) from None
        yield
    finally:
        os.close(descriptor)


def _write_draft(int8: ModuleType, pack: Pack, name: str, staging: Path) -> Pack:
    _check_space(pack, staging)
    changed = [_write_tower(int8, pack, part, staging) for part in (pack.image, pack.text)]
    if not any(changed):
        raise ModelError(
            f"nothing in the pack {pack.name!r} can be made smaller",
            "None of its towers has a weight matrix in float32: it is quantised already.",
        )
    shutil.copyfile(pack.path_of(pack.tokenizer), staging / pack.tokenizer.file)
    draft = msgspec.structs.replace(
        pack,
        name=name,
        title=f"{pack.title}, int8",
        # It cannot be downloaded, and label embeddings are of the old towers.
        repository=None,
        labels=None,
        reference=None,
        image=msgspec.structs.replace(_measured(pack.image, staging), batch=1),
        text=_measured(pack.text, staging),
        tokenizer=_measured(pack.tokenizer, staging),
        folder=staging,
    )
    return _stating(draft, None)


def _check_space(pack: Pack, staging: Path) -> None:
    """See that there is room: the whole new pack, and two copies of the tower that is worked on."""
    sizes = [pack.path_of(part).stat().st_size for part in (pack.image, pack.text)]
    needed = sum(sizes) + 2 * max(sizes)
    free = shutil.disk_usage(staging).free
    if free < needed:
        raise ModelError(
            f"quantising the pack {pack.name!r} takes {needed / 1e6:,.0f} MB for a while, "
            f"and {staging.parent} has {free / 1e6:,.0f} MB left",
            "Free some space.",
        )


def _write_tower(int8: ModuleType, pack: Pack, part: ImageSpec | TextSpec, staging: Path) -> bool:
    source, target = pack.path_of(part), staging / part.file
    try:
        changed: bool = int8.write_int8(source, target, reduce_range=int8.needs_reduced_range())
    except (OSError, MemoryError):
        raise
    except Exception as error:  # the quantiser raises nothing narrower
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelError(f"{source} cannot be quantised: {reason}") from error
    if not changed:
        shutil.copyfile(source, target)
    return changed


def _measured(part: AnyPart, folder: Path) -> AnyPart:
    """A part with the hash and size of its file in a folder."""
    path = folder / part.file
    return msgspec.structs.replace(
        part, sha256=sha256_of(path), bytes=path.stat().st_size, remote=None
    )


def _stating(draft: Pack, reference: Reference | None) -> Pack:
    """Write the `model.toml` of a draft, with what it is found to compute."""
    draft = msgspec.structs.replace(draft, reference=reference)
    stated = _without_none(msgspec.to_builtins(draft, enc_hook=str))
    del stated["folder"]
    (draft.folder / MANIFEST).write_text(tomlkit.dumps(stated), "utf-8")
    return draft


def _without_none(table: Mapping[str, object]) -> dict[str, object]:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }
