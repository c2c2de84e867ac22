"""What is shipped: an sdist from which a wheel is built that runs where nothing else is."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from photond.store.schema import migration_files

PROJECT = Path(__file__).parents[1]
MAX_PACK_BYTES = 30_000_000


def run(*command: str | Path, **environ: str) -> str:
    # Whatever the tests run in must not lend its packages to what is tested.
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", env=clean | environ
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_of_the_sdist_runs_in_a_clean_environment(tmp_path: Path) -> None:
    run(sys.executable, "-m", "build", "--outdir", tmp_path, PROJECT)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for file in migration_files():
        assert f"photond/migrations/{file.name}" in names
    assert "photond/systemd/photond.service" in names
    assert {f"photond/cli/sheet_page/sheet.{kind}" for kind in ("html", "css", "js")} <= names
    assert {f"photond/packs/mini/{file.name}" for file in PACK.iterdir()} <= names
    assert not any(name.startswith(("tests/", "samples/", "tools/")) for name in names)

    venv.create(tmp_path / "venv", with_pip=True)
    run(tmp_path / "venv" / "bin" / "pip", "install", "--quiet", wheel)
    photond = tmp_path / "venv" / "bin" / "photond"
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": ""}
    assert run(photond, "index", PROJECT / "samples", **home).startswith("24 new")
    best = run(photond, "query", "cup of coffee", "--paths", "-n", "1", **home).strip()
    assert best == str(PROJECT / "samples" / "coffee.jpg")
    assert str(tmp_path / "venv") in run(photond, "models", "path", **home)


@pytest.mark.slow
def test_a_wheel_is_the_same_whenever_and_wherever_it_is_built(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns(".*", "__pycache__", "build", "dist")
    wheels = []
    for place, umask in (("here", 0o022), ("there", 0o077)):
        source = tmp_path / place / "photond"
        shutil.copytree(PROJECT, source, ignore=ignored, copy_function=shutil.copyfile)
        for file in source.rglob("*"):
            file.chmod((0o777 if file.is_dir() else 0o666) & ~umask)
            os.utime(file, (1e9 + umask, 1e9 + umask))
        build = ["-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path / place]
        subprocess.run([sys.executable, *build], cwd=source, check=True, capture_output=True)
        (wheel,) = (tmp_path / place).glob("*.whl")
        wheels.append(wheel.read_bytes())
    assert wheels[0] == wheels[1]


PACK = PROJECT / "photond" / "packs" / "mini"


def test_the_pack_mini_is_small_enough_to_ship() -> None:
    assert sum(file.stat().st_size for file in PACK.iterdir()) < MAX_PACK_BYTES


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_the_systemd_units_are_right(tmp_path: Path) -> None:
    for unit in (PROJECT / "systemd").iterdir():
        text = unit.read_text().replace("%h/.local/bin/photond", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", *tmp_path.iterdir()],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_sample_is_listed_with_its_licence() -> None:
    listed = (PROJECT / "samples" / "README.md").read_text()
    for photo in (PROJECT / "samples").glob("*.jpg"):
        assert f"`{photo.name}`" in listed
