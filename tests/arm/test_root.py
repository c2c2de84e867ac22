"""What the making of the arm64 root says where it cannot be made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (
            "root",
            "There is no arm64 root: there is no apt-get: the packages are those of Debian 12.",
        ),
        (
            "emulate",
            "aarch64 is not emulated: there is no apt-get: the packages are those of Debian 12.",
        ),
    ],
)
def test_a_machine_without_apt_is_told_so(tmp_path: Path, module: str, text: str) -> None:
    done = _run(module, tmp_path, "/nowhere")
    assert (done.returncode, done.stdout.strip()) == (3, text)


def test_packages_that_cannot_be_fetched_are_said_to_be_missing(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, script in (("apt-get", "echo E: no network >&2; exit 100"), ("dpkg", "echo amd64")):
        program = programs / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    done = _run("root", tmp_path / "arm", str(programs))
    assert done.returncode == 3
    assert "the lists of Debian's packages cannot be fetched: E: no network" in done.stdout


def _run(module: str, folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"tools.arm.{module}", "--folder", str(folder)],
        cwd=CHECKOUT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
