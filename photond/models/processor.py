"""Which processor onnxruntime runs on, and whether it can learn that.

On aarch64 it reads `/proc/cpuinfo` and `/sys/devices/system/cpu` while its library is being loaded.
Where they are missing it warns and goes on, without the faster instructions. Where `/proc/cpuinfo` is
there and says nothing of an Arm processor, it may die of SIGSEGV, before Python can catch anything.
"""

import hashlib
import json
import platform
import re
from collections.abc import Iterator
from pathlib import Path

REMEDY = (
    "Give photond the machine's own /proc and /sys: leave ProcSubset, InaccessiblePaths and the "
    "mounts of a container away from them."
)

_ROOT = Path("/")
# What /proc/cpuinfo says of it, on x86-64 and on aarch64, and which words of that. Of the many flags of
# x86-64 that have nothing to do with arithmetic, each kernel names more.
_DECIDING = {
    "flags": re.compile(r"(s?sse|avx|amx|fma|f16c)"),
    "Features": re.compile(""),
    "CPU implementer": re.compile(""),
    "CPU part": re.compile(""),
}


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


def identity(root: Path = _ROOT, machine: str | None = None) -> str | None:
    """What decides how onnxruntime computes: the architecture and the instructions there are.

    Equal on two machines only if graphs and weights that were made ready on one are right on the other.

    Args:
        root: As for `danger`.
        machine: As for `danger`.

    Returns:
        A hash, hexadecimal; None where it cannot be told.
    """
    text = _text(root / "proc/cpuinfo")
    found = {
        (key, " ".join(sorted(word for word in value.split() if decides.match(word))))
        for key, value in _facts(text or "")
        if (decides := _DECIDING.get(key)) is not None
    }
    if not found:
        return None
    what = json.dumps([machine or platform.machine(), sorted(found)])
    return hashlib.sha256(what.encode()).hexdigest()


def _facts(text: str) -> Iterator[tuple[str, str]]:
    """What is said of each core, with the name of it."""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        yield name.strip(), value


def _is_arm(machine: str | None) -> bool:
    return (machine or platform.machine()) == "aarch64"


def _text(path: Path) -> str | None:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return None
