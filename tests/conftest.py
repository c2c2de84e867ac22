"""Fixtures of more than one room: the real command, on real photos, with the real model."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from photond.models.pack import Pack, load_pack
from photond.models.shelf import BUILT_IN

# Test machines are noisy: how long an example takes says nothing.
settings.register_profile(
    "photond", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("photond")

# A job in a shell's background ignores Ctrl-C, and would hand that down to the commands that are tested.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Nothing that tests find out of the packs, or make of them, is left with the tester. The cache is one
# for all commands, so that each does not make the towers ready anew.
for kind in ("STATE", "CACHE"):
    os.environ[f"XDG_{kind}_HOME"] = tempfile.mkdtemp(prefix=f"photond-{kind.lower()}-")
    atexit.register(shutil.rmtree, os.environ[f"XDG_{kind}_HOME"], ignore_errors=True)

SAMPLES = Path(__file__).parents[1] / "samples"

# What typer brings with it, in one version or another.
TYPER = frozenset(
    {
        *("typer", "click", "shellingham", "annotated_doc", "annotated_types"),
        *("pydantic", "pydantic_core", "typing_extensions", "typing_inspection"),
    }
)


@dataclass(frozen=True)
class Run:
    """What one run of the command did."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Command:
    """The real `photond` command, with a home of its own."""

    home: Path
    environ: dict[str, str]

    @property
    def database(self) -> Path:
        return self.home / "data" / "photond" / "index.db"

    @property
    def config_file(self) -> Path:
        return self.home / "config" / "photond" / "config.toml"

    def __call__(
        self, *arguments: str | os.PathLike[str], code: int | None = 0, **more: str
    ) -> Run:
        """Run it; `code` is the exit code that it must have, None for any."""
        done = subprocess.run(
            self.argv(*arguments),
            capture_output=True,
            env=self.environ | more,
            cwd=self.home,
            timeout=300,
            check=False,
        )
        run = Run(
            done.returncode,
            done.stdout.decode("utf-8", "surrogateescape"),
            done.stderr.decode("utf-8", "surrogateescape"),
        )
        assert code is None or run.code == code, f"exit code {run.code}: {run.stderr}{run.stdout}"
        assert "Traceback" not in run.stderr
        return run

    def imports(self, *arguments: str) -> set[str]:
        """The modules that it imports when it is run so, without those of the standard library."""
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "photond", *arguments],
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
        )
        found = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        installed = packages_distributions().keys() - {"_distutils_hack"} | {"photond"}
        return {name for name in found if name.partition(".")[0] in installed}

    def argv(self, *arguments: str | os.PathLike[str]) -> list[str]:
        return [sys.executable, "-m", "photond", *map(os.fspath, arguments)]


@pytest.fixture
def photond(tmp_path: Path) -> Command:
    """The command, with nothing of the tester's own configuration."""
    return make_command(tmp_path / "home")


def make_command(home: Path) -> Command:
    home.mkdir()
    # Nothing of the tester's settings; and not as in a CI, where libraries behave better than at home.
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PHOTOND", "ORT_", "HF_")) and name != "CI"
    }
    environ |= {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_RUNTIME_DIR": _runtime_dir(),
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }
    return Command(home, environ)


def _runtime_dir() -> str:
    """A folder whose name is short: a socket's may have 107 bytes, and pytest's folders are deep."""
    folder = tempfile.mkdtemp(prefix="photond-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An empty folder for photos."""
    folder = tmp_path / "Photos"
    folder.mkdir()
    return folder


@pytest.fixture
def sample() -> Callable[..., Path]:
    """Copies a sample photo: `sample("cat", folder / "any name.jpg")`."""

    def copy(name: str, to: Path) -> Path:
        to.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(SAMPLES / f"{name}.jpg", to))

    return copy


@pytest.fixture(scope="session")
def mini() -> Pack:
    """The pack that comes with photond."""
    return load_pack(BUILT_IN / "mini")


@pytest.fixture(scope="session")
def indexed_samples(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command with all samples indexed. Shared: tests that use it only ask."""
    command = make_command(tmp_path_factory.mktemp("samples") / "home")
    command("index", SAMPLES)
    return command
