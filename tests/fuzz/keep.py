"""`python -m tests.fuzz.keep`: put some small inputs that a fuzz run found beside the tests."""

import argparse
import hashlib
import shutil
from pathlib import Path

from tests.fuzz.seeds import KEPT, seeds
from tests.fuzz.targets import TARGETS

_FILES_A_TARGET = 60
_MOST_BYTES = 4000


def main() -> None:
    """Keep of each target what is not a seed: of the inputs of all small sizes alike, some."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.keep")
    parser.add_argument("--corpus", type=Path, default=Path("build/fuzz"))
    options = parser.parse_args()
    for target in TARGETS:
        names = seeds(target).keys()
        found = [file for file in (options.corpus / target).iterdir() if file.name not in names]
        small = [file for file in found if file.stat().st_size <= _MOST_BYTES]
        small.sort(key=lambda file: (file.stat().st_size, file.name))
        shutil.rmtree(KEPT / target)
        (KEPT / target).mkdir()
        for file in small[:: 1 + len(small) // _FILES_A_TARGET]:
            data = file.read_bytes()
            (KEPT / target / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)


if __name__ == "__main__":
    main()
