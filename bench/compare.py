"""Whether a later run of the benchmarks is worse than an earlier one: ratios are compared, not times.

    python -m bench.compare OLD.json NEW.json [--tolerance 0.15]

A ratio got worse if it moved the wrong way by more than a part of what it was; where there is a most
that it may be, by more than that part of the most, because far below it a ratio is mostly noise. What
the earlier run measured and the later one did not is named as "gone" and no more, so that a run of a
few benchmarks can be compared with one of all; so is what misses its demand in both, as "missed". The
exit status is 1 if a ratio got worse, or is no longer what is demanded, or if a benchmark failed that
did not before.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.measurement import Measurement, measurements_in

TOLERANCE = 0.15
# Below this a ratio says that there was nothing to measure.
_NOTHING = 0.01

Verdict = Literal["MISSED", "WORSE", "missed", "better", "as before", "new", "gone"]


@dataclass(frozen=True, slots=True)
class Change:
    """A figure in two runs.

    Attributes:
        old: None where it is new.
        new: None where it is gone.
    """

    old: Measurement | None
    new: Measurement | None
    verdict: Verdict

    def __str__(self) -> str:
        one = self.new or self.old
        assert one is not None
        before = "" if self.old is None else f"{self.old.ratio:.2f} -> "
        after = "none" if self.new is None else f"{self.new.ratio:.2f}"
        return f"{self.verdict:<10}{one.bench}, {one.case}: {before}{after} of {one.baseline_is}"


def main() -> int:
    """Compare two files and say what differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="0.15 is 15 %%")
    options = parser.parse_args()
    old, new = (json.loads(path.read_text("utf-8")) for path in (options.old, options.new))
    for difference in machines_apart(old["machine"], new["machine"]):
        print(f"note      {difference}")
    changes = compare(measurements_in(old), measurements_in(new), options.tolerance)
    for change in changes:
        if change.verdict != "as before":
            print(change)
    failed = newly_failed(old, new)
    for bench in failed:
        print(f"{'FAILED':<10}{bench}, which did not before")
    same = sum(change.verdict == "as before" for change in changes)
    print(f"{same} of {len(changes)} as before")
    is_bad = failed or any(change.verdict in ("MISSED", "WORSE") for change in changes)
    return 1 if is_bad else 0


def newly_failed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The benchmarks that failed in a later run and not in an earlier one."""
    before = old.get("failed", [])
    return [bench for bench in new.get("failed", []) if bench not in before]


def machines_apart(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between the machines and their versions, in words."""
    return [
        f"{name}: {old.get(name)} -> {new.get(name)}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def compare(
    old: Sequence[Measurement], new: Sequence[Measurement], tolerance: float
) -> list[Change]:
    """What became of each figure: first those of the new run, then those that it lacks."""
    before = {(one.bench, one.case): one for one in old}
    after = {(one.bench, one.case): one for one in new}
    changes = [
        Change(before.get(key), one, verdict(before.get(key), one, tolerance))
        for key, one in after.items()
    ]
    return changes + [Change(one, None, "gone") for key, one in before.items() if key not in after]


def verdict(old: Measurement | None, new: Measurement, tolerance: float) -> Verdict:
    """What a figure of a run is to be called, given the same of an earlier one."""
    if not new.is_met and (old is None or old.is_met):
        return "MISSED"
    if old is None:
        return "new"
    worsening = old.ratio - new.ratio if new.wants_more else new.ratio - old.ratio
    margin = tolerance * max(abs(old.ratio), new.at_most or 0.0, _NOTHING)
    if worsening > margin:
        return "WORSE"
    if worsening < -margin:
        return "better"
    return "as before" if new.is_met else "missed"


if __name__ == "__main__":
    sys.exit(main())
