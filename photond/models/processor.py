"""Whether onnxruntime can learn which processor it runs on.

On aarch64 it reads `/proc/cpuinfo` and `/sys/devices/system/cpu` while its library is being loaded, and
may die of SIGSEGV where they are hidden or another machine's: before Python can catch anything.
"""

import platform
from pathlib import Path

REMEDY = (
    "Mount /proc and /sys where photond runs, and let a service or container see them "
    "(ProcSubset=all; no InaccessiblePaths= over them)."
)

_ROOT = Path("/")


def missing_description(root: Path = _ROOT, machine: str | None = None) -> str:
    """What of the processor's description cannot be read, or "" where all can or none is needed.

    Args:
        root: The folder in which `proc` and `sys` are.
        machine: The architecture as the kernel names it; that of this machine if None.
    """
    if (machine or platform.machine()) != "aarch64":
        return ""
    if "CPU implementer" not in _text(root / "proc/cpuinfo"):
        return "/proc/cpuinfo does not describe the processor"
    for name in ("possible", "present"):
        if not _text(root / "sys/devices/system/cpu" / name).strip():
            return f"/sys/devices/system/cpu/{name} cannot be read"
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""
