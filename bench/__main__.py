"""All benchmarks, one after the other, and one table of what they found.

    python -m bench [--thorough] [--only NAME...] [--save FILE]

Each is a process of its own, so that none has what another left in memory. The results are kept as
JSON, for `bench.compare` and `bench.page`. One that fails is named at the end and stops no other. The
exit status is 1 if one failed or a ratio is not what is demanded of it.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bench.measurement import Measurement, document, measurements_in, print_report

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
BENCHES = (
    "start",
    "index",
    "memory",
    "daemon",
    "rescan",
    "search",
    "query",
    "retag",
    "quantize",
    "duplicates",
    "peers",
    "scale",
)


@dataclass(frozen=True, slots=True)
class Results:
    """What a run of benchmarks came to.

    Attributes:
        measurements: Of those that ended well.
        failed: The names of the others.
    """

    measurements: list[Measurement]
    failed: list[str]

    @property
    def missed(self) -> list[Measurement]:
        """Those that are not what is demanded."""
        return [one for one in self.measurements if not one.is_met]

    def with_those_of(self, name: str, *, thorough: bool) -> "Results":
        """These and what a benchmark finds, which is run in a process of its own."""
        print(f"{datetime.now(UTC):%H:%M} {name} ...", file=sys.stderr)
        argv = [sys.executable, "-m", f"bench.{name}", "--json"]
        if thorough:
            argv.append("--thorough")
        done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            return replace(self, failed=[*self.failed, name])
        found = measurements_in(json.loads(done.stdout))
        return replace(self, measurements=[*self.measurements, *found])


def main() -> int:
    """Run them, keep the results, and print them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--thorough", action="store_true", help="larger sizes, which take hours")
    parser.add_argument(
        "--only", nargs="+", default=BENCHES, metavar="NAME", help=", ".join(BENCHES)
    )
    parser.add_argument("--save", type=Path, help="where the results go; default: bench/results/")
    options = parser.parse_args()
    now = datetime.now(UTC)
    file = options.save or RESULTS / f"{now:%Y-%m-%dT%H%M}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = {"date": f"{now:%Y-%m-%d}", "thorough": options.thorough}
    results = Results([], [])
    for name in options.only:
        results = results.with_those_of(name, thorough=options.thorough)
        # After each, because whoever interrupts the last one would lose hours.
        kept |= {"failed": results.failed} | document(results.measurements)
        file.write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
    print_report(results.measurements)
    print(f"\nkept in {file}")
    for name in results.failed:
        print(f"{name} failed")
    for one in results.missed:
        print(f"missed: {one.bench}, {one.case}")
    return 1 if results.failed or results.missed else 0


if __name__ == "__main__":
    sys.exit(main())
