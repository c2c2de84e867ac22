"""Answers without a search: what the parts that show photos are given."""

import os
from pathlib import Path
from typing import Any

from PIL import Image

from photond.cli.session import Session


def item(path: str | Path, **more: Any) -> dict[str, Any]:
    """A photo as docs/protocol.md has it."""
    return {
        "path": os.fspath(path),
        "score": 0.25,
        "probability": 0.5,
        "tags": [{"tag": "beach", "confidence": 0.9}, {"tag": "sea", "confidence": 0.4}],
        "taken_at": "2024-06-01T12:34:56",
        "width": 40,
        "height": 30,
    } | more


def photo(path: Path, colour: str = "teal", size: tuple[int, int] = (40, 30)) -> Path:
    """A photo of one colour."""
    Image.new("RGB", size, colour).save(path, "JPEG", quality=95)
    return path


def session(folder: Path) -> Session:
    """A session with the default settings, whatever the tester's own are."""
    config = folder / "config.toml"
    config.write_text("")
    return Session(config, 0)


def names_in(folder: Path) -> list[str]:
    """The names of all that is in a folder."""
    return sorted(path.name for path in folder.iterdir())
