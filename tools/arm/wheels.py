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


def fetch(python: str, requirements: Path, folder: Path) -> None:
    """Download the wheels of one Python, such as "3.11", for aarch64.

    pip reads markers for the Python that runs it, and not for the one that is asked for.

    Raises:
        subprocess.CalledProcessError: A package has no wheel for it, or cannot be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in (28, 27, 26, 17)]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet"),
            *("--no-deps", "--only-binary=:all:"),
            *platforms,
            "--platform=manylinux2014_aarch64",
            f"--python-version={python}",
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
