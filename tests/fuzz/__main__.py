"""`make fuzz`: a coverage-guided fuzzer on the reading of photos, seeded with photos of every kind."""

import argparse
import sys
from pathlib import Path

import atheris

# The counters of coverage are put into a module when it is imported.
with atheris.instrument_imports(include=["PIL", "photond.imaging", "pillow_heif"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.seeds import seeds

_MAX_SECONDS_AN_INPUT = 30
_MAX_MEGABYTES = 2048


def main() -> None:
    """Fuzz one target; libFuzzer prints what it does, and ends the process at a finding."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--corpus", type=Path, default=Path("build/fuzz"))
    options = parser.parse_args()
    found = options.corpus / options.target
    findings = options.corpus / "findings"
    for folder in (found, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds(options.target).items():
        (found / name).write_bytes(data)
    settings = {
        "max_total_time": options.seconds,
        "timeout": _MAX_SECONDS_AN_INPUT,
        "rss_limit_mb": _MAX_MEGABYTES,
        "max_len": 1 << 16,
        "artifact_prefix": f"{findings}/{options.target}-",
        "print_final_stats": 1,
    }
    arguments = [f"-{name}={value}" for name, value in settings.items()]
    atheris.Setup([sys.argv[0], *arguments, str(found)], TARGETS[options.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
