"""`make chaos`: a long run, from a new seed or from one that is to be seen again."""

import argparse
import secrets
import sys
import tempfile
from pathlib import Path

from tests.chaos.chaos import run


def main() -> int:
    """Run, and print seed, deeds and verdict."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:.0f} s", flush=True)
    with tempfile.TemporaryDirectory() as place:
        verdict = run(Path(place), options.seed, options.seconds)
    deeds = ", ".join(f"{count} {name}" for name, count in verdict.done.most_common())
    print(f"done: {deeds}; {verdict.kills} kills; {verdict.photos} photos in the end")
    for difference in verdict.differences:
        print(difference)
    print("the index is right" if not verdict.differences else "THE INDEX IS WRONG")
    return bool(verdict.differences)


if __name__ == "__main__":
    sys.exit(main())
