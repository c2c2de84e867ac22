"""How long commands take from their start to their end, against the start of typer alone.

Runs each command many times, all of them in turn, and takes the least processor time of each, which no
neighbour adds to, against that of `python -c "import typer"`. On a terminal typer has its help laid out
by rich, which it imports for that; so there the baseline is the help of an application of typer's that
has nothing but one command. A daemon's time until it is ready is wall
time, and held against a second. The library is the sample photos: `bench.query` measures how a search
fares with more of them.

    python -m bench.start [--repeats 20] [--pack mini] [--thorough] [--json]
"""

import argparse
import contextlib
import os
import pty
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measurement import Measurement, run_benchmark
from bench.process import spent, without_settings

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
PHOTOND = [sys.executable, "-m", "photond"]
TYPER, HELP = "python -c 'import typer'", "--help"
ON_TERMINAL, LEAST_ON_TERMINAL = "--help on a terminal", "one command's help on a terminal"
LEAST_APPLICATION = """
import typer

app = typer.Typer()


@app.command()
def greet(name: str) -> None:
    \"\"\"Greet somebody.\"\"\"


app()
"""
MOST_FOR_HELP = 1.5
QUERY = [*PHOTOND, "query", "a cat", "--json"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """What `measure` wants to know."""
    parser.add_argument("--repeats", type=int, help="20; with --thorough 60")
    parser.add_argument("--pack", default="mini", help="a pack that is there")
    parser.add_argument("--thorough", action="store_true")


def measure(options: argparse.Namespace) -> list[Measurement]:
    """What each command costs, against typer, and how soon a daemon is ready."""
    repeats = options.repeats or (60 if options.thorough else 20)
    with tempfile.TemporaryDirectory(prefix="start-") as place:
        environ = home(Path(place), options.pack)
        alone = environ | {"XDG_RUNTIME_DIR": f"{place}/nothing"}
        subprocess.run([*PHOTOND, "index"], env=environ, check=True, capture_output=True)
        with daemon(environ):
            run(QUERY, environ)  # the daemon loads its model with the first question
            least = least_of(
                {
                    TYPER: lambda: run([sys.executable, "-c", "import typer"], environ),
                    "python -c pass": lambda: run([sys.executable, "-c", "pass"], environ),
                    "--version": lambda: run([*PHOTOND, "--version"], environ),
                    HELP: lambda: run([*PHOTOND, "--help"], environ),
                    ON_TERMINAL: lambda: on_terminal([*PHOTOND, "--help"], environ),
                    LEAST_ON_TERMINAL: lambda: on_terminal(
                        [sys.executable, "-c", LEAST_APPLICATION, "--help"], environ
                    ),
                    "query, daemon": lambda: run(QUERY, environ),
                    "query, none": lambda: run(QUERY, alone),
                },
                repeats,
            )
        ready = least_of({"": lambda: start(environ)}, repeats // 4)[""]
    baselines = {name: least.pop(name)[1] for name in (TYPER, LEAST_ON_TERMINAL)}
    figures = []
    for case, (_, processor) in least.items():
        beside = LEAST_ON_TERMINAL if case == ON_TERMINAL else TYPER
        at_most = MOST_FOR_HELP if case in (HELP, ON_TERMINAL) else None
        figures.append(
            Measurement(
                "start",
                case,
                processor * 1e3,
                baselines[beside] * 1e3,
                "ms",
                beside,
                at_most=at_most,
            )
        )
    until_ready = Measurement(
        "start", "run, until ready", ready[0], 1.0, "s", "a second", at_most=1.0
    )
    return [*figures, until_ready]


def home(place: Path, pack: str) -> dict[str, str]:
    """The environment of a user with the sample photos, and with the packs of whoever measures."""
    shutil.copytree(SAMPLES, place / "photos")
    (place / "run").mkdir()
    file = place / "config" / "photond" / "config.toml"
    file.parent.mkdir(parents=True)
    # Without tags, whose labels a large pack would embed for minutes before anything is measured.
    file.write_text(
        f'folders = ["{place}/photos"]\ndatabase = "{place}/index.db"\n'
        f'[model]\npack = "{pack}"\n[tags]\nmax_tags = 0\n'
    )
    return without_settings() | {
        "XDG_CONFIG_HOME": str(place / "config"),
        "XDG_STATE_HOME": str(place / "state"),
        "XDG_CACHE_HOME": str(place / "cache"),
        "XDG_RUNTIME_DIR": str(place / "run"),
    }


def least_of(
    commands: dict[str, Callable[[], object]], repeats: int
) -> dict[str, tuple[float, float]]:
    """The least wall and processor seconds of each command, all of them taken in turn."""
    least = dict.fromkeys(commands, (float("inf"), float("inf")))
    for _ in range(max(1, repeats)):
        for name, command in commands.items():
            before, started = spent(), time.perf_counter()
            wall = command()
            if not isinstance(wall, float):
                wall = time.perf_counter() - started
            took = wall, spent() - before
            least[name] = min(least[name][0], took[0]), min(least[name][1], took[1])
    return least


def run(argv: list[str], environ: dict[str, str]) -> None:
    subprocess.run(argv, env=environ, check=True, capture_output=True)


def on_terminal(argv: list[str], environ: dict[str, str]) -> None:
    """Run a command whose standard output is a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(argv, env=environ, stdout=theirs)
    os.close(theirs)
    with contextlib.suppress(OSError):  # how a terminal says that nobody is there any more
        while os.read(ours, 1 << 16):
            pass
    os.close(ours)
    process.wait()


def start(environ: dict[str, str]) -> float:
    """The seconds until a daemon is ready, which is ended then."""
    with daemon(environ) as seconds:
        return seconds


@contextlib.contextmanager
def daemon(environ: dict[str, str]) -> Iterator[float]:
    """A daemon that is ready, as it would tell systemd; yields after how many seconds it was."""
    with tempfile.TemporaryDirectory(prefix="ready-") as place:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(f"{place}/notify")
        listener.settimeout(60)
        started = time.perf_counter()
        process = subprocess.Popen(
            [*PHOTOND, "run"],
            env=environ | {"NOTIFY_SOCKET": f"{place}/notify"},
            stderr=subprocess.DEVNULL,
        )
        try:
            while b"READY=1" not in listener.recv(4096):
                pass
            yield time.perf_counter() - started
        finally:
            process.terminate()
            process.wait()
            listener.close()


if __name__ == "__main__":
    run_benchmark(__doc__, add_options, measure)
