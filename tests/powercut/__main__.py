"""`make powercut`: a long run, from a new seed or from one that is to be seen again."""

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from photond.logs import configure
from tests.powercut.calls import tracing_works
from tests.powercut.run import Verdict, run

_MEMORY = Path("/dev/shm")
_EVERY_SECONDS = 30


def main() -> int:
    """Run, and print seed, cuts and verdict."""
    parser = argparse.ArgumentParser(prog="python -m tests.powercut")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--cuts", type=int, default=2000)
    parser.add_argument(
        "--lying-disk", action="store_true", help="lose what was synced, too: this must be noticed"
    )
    options = parser.parse_args()
    if not tracing_works():
        print("strace is not installed, or processes may not be traced here")
        return 1
    print(f"seed {options.seed}, {options.cuts} cuts", flush=True)
    place = Path(tempfile.mkdtemp(prefix="powercut-", dir=_MEMORY if _MEMORY.is_dir() else None))
    configure("error", "console")
    said_at = time.monotonic()

    def say(verdict: Verdict) -> None:
        nonlocal said_at
        if time.monotonic() - said_at > _EVERY_SECONDS:
            said_at = time.monotonic()
            print(f"{verdict.cuts.total()} cuts, {len(verdict.problems)} problems", flush=True)

    try:
        verdict = run(place, options.seed, options.cuts, say, is_lying=options.lying_disk)
    finally:
        shutil.rmtree(place)
    _print(verdict)
    return bool(verdict.problems)


def _print(verdict: Verdict) -> None:
    print(f"{verdict.operations:6} operations")
    for command, count in verdict.cuts.items():
        print(f"{count:6} cuts while {command} was at work")
    for problem in verdict.problems:
        print(problem)
    print("SOMETHING WAS LOST" if verdict.problems else "nothing was lost")


if __name__ == "__main__":
    sys.exit(main())
