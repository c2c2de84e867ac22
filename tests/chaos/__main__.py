"""`make chaos`: a long run, from a new seed or from one that is to be seen again."""

import argparse
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.chaos import Verdict, run
from tests.cli.test_disks import namespaces_work

_INSIDE = "--inside-a-namespace"


def main() -> int:
    """Run, and print seed, deeds and verdict."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument(_INSIDE, action="store_true", dest="is_inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.is_inside:
        print(f"seed {options.seed}, {options.seconds:.0f} s", flush=True)
        if namespaces_work():
            again = [sys.executable, "-m", "tests.chaos", _INSIDE]
            again += ["--seed", str(options.seed), "--seconds", str(options.seconds)]
            os.execvp("unshare", ["unshare", "--mount", "--map-root-user", *again])
        print("no mount namespaces here: nothing is plugged in, and no disk gets full", flush=True)
    place = Path(tempfile.mkdtemp(prefix=f"chaos-{options.seed}-"))
    verdict = run(place, options.seed, options.seconds, has_mounts=options.is_inside)
    _print(verdict)
    if verdict.problems:
        print(f"what was found is kept in {place}")
    else:
        shutil.rmtree(place)
    return bool(verdict.problems)


def _print(verdict: Verdict) -> None:
    for name, count in verdict.done.most_common():
        print(f"{count:6} {name.replace('_', ' ')}")
    print(f"{verdict.photos:6} photos in the end")
    for problem in verdict.problems:
        print(problem)
    print("THE INDEX IS WRONG" if verdict.problems else "the index is right")


if __name__ == "__main__":
    sys.exit(main())
