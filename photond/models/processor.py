"""Whether onnxruntime can learn which processor it runs on.

On aarch64 it reads `/proc/cpuinfo` and `/sys/devices/system/cpu` while its library is being loaded.
Where they are missing it warns and goes on, without the faster instructions. Where `/proc/cpuinfo` is
there and says nothing of an Arm processor, it may die of SIGSEGV, before Python can catch anything.
"""

import platform
from pathlib import Path

REMEDY = (
    "Give photond the machine's own /proc and /sys: leave ProcSubset, InaccessiblePaths and the "
    "mounts of a container away from them."
)

_ROOT = Path("/")


def danger(root: Path = _ROOT, machine: str | None = None) -> str:
    """Why loading onnxruntime could end the process; "" where it cannot.

    Args:
        root: The folder in which `proc` and `sys` are.
        machine: The architecture as the kernel names it; that of this machine if None.
    """
    text = _text(root / "proc/cpuinfo")
    if not _is_arm(machine) or text is None or "CPU implementer" in text:
        return ""
    return "/proc/cpuinfo does not describe an Arm processor"


def unknown(root: Path = _ROOT, machine: str | None = None) -> str:
    """Which file onnxruntime lacks and can do without, slower; "" where all are there.

    Args:
        root: As for `danger`.
        machine: As for `danger`.
    """
    if not _is_arm(machine):
        return ""
    lists = "sys/devices/system/cpu"
    for name in ("proc/cpuinfo", f"{lists}/possible", f"{lists}/present"):
        if _text(root / name) is None:
            return f"/{name} cannot be read"
    return ""


def _is_arm(machine: str | None) -> bool:
    return (machine or platform.machine()) == "aarch64"


def _text(path: Path) -> str | None:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return None
