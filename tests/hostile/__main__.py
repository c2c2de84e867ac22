"""`make hostile`: many hostile files, from a new seed or from one that is to be seen again."""

import argparse
import secrets
import sys
from collections import defaultdict
from pathlib import Path

from tests.hostile.child import Outcome
from tests.hostile.corpus import KINDS, kind_of, sample
from tests.hostile.trial import Trial, trial


def main() -> int:
    """Run, and print what each kind of file came to."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--write", type=int, metavar="N", help="only write file N of the seed here")
    options = parser.parse_args()
    if options.write is not None:
        hostile = sample(options.seed, options.write)
        Path(hostile.name).write_bytes(hostile.data)
        print(f"{hostile.name}: {kind_of(options.seed, options.write)}, {hostile.expected}")
        return 0
    print(f"seed {options.seed}, {options.files} files", flush=True)
    result = trial(options.seed, 0, options.files)
    _print(options.seed, result)
    return not result.is_clean


def _print(seed: int, result: Trial) -> None:
    by_kind: defaultdict[str, list[Outcome]] = defaultdict(list)
    for one in result.outcomes:
        by_kind[kind_of(seed, one.number)].append(one)
    print(f"{'':16}{'files':>8}{'pictures':>10}{'refused':>9}{'most CPU s':>12}{'most MB':>9}")
    for kind in KINDS:
        _print_row(kind, by_kind[kind])
    _print_row("all", result.outcomes)
    counts = {
        "crashed": result.crashed,
        "hung": result.hung,
        "wrong": result.wrong,
        "slow": result.slow,
    }
    print(", ".join(f"{name} {len(found)}" for name, found in counts.items()))
    print(f"decoders wrote {result.noise:,} bytes to standard error")
    for number, how in result.crashed.items():
        print(f"crashed: {number} ({kind_of(seed, number)}): {how}")
    for number in result.hung:
        print(f"hung: {number} ({kind_of(seed, number)})")
    for one in (*result.wrong, *result.slow):
        kind = kind_of(seed, one.number)
        print(f"{one.result}: {one.number} ({kind}), {one.seconds:.1f} s: {one.detail}")


def _print_row(name: str, outcomes: list[Outcome]) -> None:
    results = [one.result for one in outcomes]
    print(
        f"{name:16}{len(outcomes):8}{results.count('picture'):10}{results.count('refused'):9}"
        f"{max((one.seconds for one in outcomes), default=0):12.2f}"
        f"{max((one.megabytes for one in outcomes), default=0):9.0f}"
    )


if __name__ == "__main__":
    sys.exit(main())
