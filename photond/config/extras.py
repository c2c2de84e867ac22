"""Packages that only some need, which come with an extra of photond's."""

import sys
from pathlib import Path


def how_to_install(extra: str, *packages: str) -> str:
    """What to tell somebody who lacks the packages of an extra."""
    if "pipx" in Path(sys.prefix).parts:
        return f"Install it: pipx inject photond {' '.join(packages)}"
    return f"Install it: pip install 'photond[{extra}]'"
