"""Fetch every locked wheel for aarch64 and check that its libraries load with pages of 16 KiB.

`python tools/arm/wheels.py` prints a line for each library that does not, and exits with 1 if
there is one.
"""

import argparse
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

PAGE_BYTES = 16 * 1024
PYTHONS = ("3.11", "3.12", "3.13", "3.14")

# What wheels may ask of glibc 2: from the oldest that any is built for, to that of Debian 12.
_GLIBC_MINORS = range(36, 16, -1)
_CHECKOUT = Path(__file__).resolve().parents[2]
_MAGIC = b"\x7fELF"


def faults(data: bytes) -> list[str]:
    """Why an ELF file cannot be loaded on aarch64 with pages of 16 KiB; empty where it can."""
    try:
        elf = ELFFile(io.BytesIO(data))
        if elf.elfclass != 64 or elf["e_machine"] != "EM_AARCH64":  # noqa: PLR2004 - bits
            return [f"is {elf.elfclass}-bit {elf['e_machine']}"]
        alignments = [s["p_align"] for s in elf.iter_segments() if s["p_type"] == "PT_LOAD"]
    except ELFError as error:
        return [f"is damaged: {error}"]
    return [f"has a segment aligned to {size} bytes" for size in alignments if size < PAGE_BYTES]


def libraries(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """The names and contents of the ELF files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            with archive.open(name) as file:
                head = file.read(len(_MAGIC))
                if head == _MAGIC:
                    yield name, head + file.read()


def platform_options(python: str) -> list[str]:
    """What makes pip choose wheels of aarch64 for a Python, such as "3.11"."""
    return [
        *("--no-deps", "--only-binary=:all:"),
        *(f"--platform=manylinux_2_{minor}_aarch64" for minor in _GLIBC_MINORS),
        "--platform=manylinux2014_aarch64",
        f"--python-version={python}",
    ]


def fetch(python: str, requirements: Path, folder: Path) -> None:
    """Download the wheels of one Python, such as "3.11", for aarch64.

    pip reads markers for the Python that runs it, and not for the one that is asked for.

    Raises:
        subprocess.CalledProcessError: A package has no wheel for it, or cannot be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "-qq"),
            *platform_options(python),
            f"--requirement={requirements}",
            f"--dest={folder}",
        ],
        check=True,
    )


def main() -> int:
    """Check the wheels of each Python; 0 if all libraries load, 1 if not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", help="only this one, such as 3.12")
    parser.add_argument("--cache", type=Path, default=_CHECKOUT / ".arm/wheels")
    options = parser.parse_args()
    has_faults = False
    for python in options.python or PYTHONS:
        folder = options.cache / python
        fetch(python, _CHECKOUT / "requirements.lock", folder)
        wheels = sorted(folder.glob("*.whl"))
        count = 0
        for wheel in wheels:
            for name, data in libraries(wheel):
                count += 1
                for fault in faults(data):
                    has_faults = True
                    print(f"{python}  {wheel.name}: {name} {fault}")
        print(f"{python}  {len(wheels)} wheels, {count} libraries looked at")
    return int(has_faults)


if __name__ == "__main__":
    sys.exit(main())
