"""Make a root folder of arm64 Debian with photond in it, for QEMU to run.

`python -m tools.arm.root` makes it in `.arm/root`; what has not changed since is not made again. It
exits with 3, and says what is missing, where that cannot be done.

    /usr, /lib, /bin   Debian's packages, unpacked and not installed, and QEMU for the host's processor
    /venv              a virtual environment with the locked wheels and photond; its `python` runs QEMU
    /machines/NAME     proc and sys of a machine; /proc and /sys are links to those of one of them
    /work              what checks write

Emulated programs start others by `sys.executable`. No kernel runs a program of another processor
unless it is told how, for the whole machine; so `/venv/bin/python` is a script, run by QEMU and an
emulated shell, that starts QEMU with Python. Beside the root stands `outside/bin/python`, which does
the same for programs that see the host's files where the root has none.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tools.arm import machines, wheels

PYTHON = "3.11"
MISSING = 3
QEMU = "usr/bin/qemu-aarch64-static"
SITE = f"venv/lib/python{PYTHON}/site-packages"

# Python as Debian 12 has it, what it needs, what the libraries in wheels need, and a shell.
_PACKAGES = (
    *("libc6", "libgcc-s1", "libstdc++6", "libgomp1", "zlib1g", "libexpat1", "libffi8", "libssl3"),
    *("libbz2-1.0", "liblzma5", "libncursesw6", "libreadline8", "libsqlite3-0", "libuuid1"),
    *("libtinfo6", "libcrypt1", "python3.11-minimal", "libpython3.11-minimal"),
    *("libpython3.11-stdlib", "dash"),
)
_EMULATOR = "qemu-user-static"
_CHECKOUT = Path(__file__).resolve().parents[2]
_SOURCES = ("photond", "migrations", "systemd", "pyproject.toml")

_INSIDE = f"""\
#!/{QEMU} /bin/sh
exec /{QEMU} -0 "$0" /usr/bin/python{PYTHON} "$@"
"""
_OUTSIDE = f"""\
#!/bin/sh
exec "{{root}}/{QEMU}" -L "{{root}}" -0 "$0" "{{root}}/usr/bin/python{PYTHON}" "$@"
"""


class MissingError(Exception):
    """The root cannot be made here; the text says what is missing."""


def build(folder: Path) -> Path:
    """Make the root below a folder, or bring it up to date.

    Returns:
        The root.

    Raises:
        MissingError: Something that it takes is not to be had.
    """
    root = folder / "root"
    for program in ("apt-get", "dpkg"):
        if shutil.which(program) is None:
            raise MissingError(f"there is no {program}: the packages are those of Debian 12")
    packages = hashlib.sha256(" ".join(_PACKAGES).encode()).hexdigest()
    lock = _CHECKOUT / "requirements.lock"
    if _is_stale(root / ".packages", packages):
        # The rest lies on top of it.
        shutil.rmtree(root, ignore_errors=True)
    _step(root / ".packages", packages, "Debian's packages", lambda: _unpack(folder, root))
    _step(root / ".wheels", _digest([lock]), "wheels", lambda: _install_wheels(folder, root, lock))
    _step(
        root / ".photond",
        _digest(_CHECKOUT / name for name in _SOURCES),
        "photond",
        lambda: _install_photond(folder, root),
    )
    _write_environment(root / "venv", _INSIDE, "/usr/bin")
    _write_environment(folder / "outside", _OUTSIDE.format(root=root), "/usr/bin")
    site = folder / "outside" / Path(SITE).relative_to("venv")
    site.parent.mkdir(parents=True, exist_ok=True)
    site.unlink(missing_ok=True)
    site.symlink_to(root / SITE)
    shutil.rmtree(root / "machines", ignore_errors=True)
    for name, files in machines.trees().items():
        machines.lay(files, root / "machines" / name)
    return root


def choose(root: Path, machine: str) -> None:
    """Let the root have the files of another machine."""
    for name in ("proc", "sys"):
        link = root / name
        link.unlink(missing_ok=True)
        link.symlink_to(Path("machines") / machine / name)


def _step(stamp: Path, state: str, what: str, make: Callable[[], None]) -> None:
    """Do what the stamp does not say has been done."""
    if not _is_stale(stamp, state):
        return
    print(f"Making the arm64 root: {what} ...", flush=True)
    stamp.unlink(missing_ok=True)
    make()
    stamp.write_text(state, "ascii")


def _is_stale(stamp: Path, state: str) -> bool:
    return not stamp.is_file() or stamp.read_text("ascii") != state


def _digest(paths: Iterable[Path]) -> str:
    """The SHA-256 of files and of all files in folders, by name and content."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".pyc":
                digest.update(str(file.relative_to(_CHECKOUT)).encode() + b"\0")
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _unpack(folder: Path, root: Path) -> None:
    """Unpack Debian's packages, fetched with lists of packages that are not the host's."""
    host = _output(["dpkg", "--print-architecture"])
    lists, packages = folder / "lists", folder / "debs"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    shutil.rmtree(packages, ignore_errors=True)
    packages.mkdir()
    architectures = dict.fromkeys(("arm64", host))
    settings = {
        "APT::Architecture": "arm64",
        "APT::Architectures": ",".join(architectures),
        "APT::Sandbox::User": "root",
        "Dir::State::Lists": lists,
        "Dir::State::status": "/dev/null",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
    }
    apt = ["apt-get", "-qq", *(f"-o{key}={value}" for key, value in settings.items())]
    _run([*apt, "update"], "the lists of Debian's packages cannot be fetched")
    wanted = [f"{name}:arm64" for name in _PACKAGES]
    _run(
        [*apt, "download", *wanted, f"{_EMULATOR}:{host}"],
        "not all of Debian 12's packages can be fetched",
        packages,
    )
    emulator = folder / "qemu"
    for package in sorted(packages.iterdir()):
        target = emulator if package.name.startswith(_EMULATOR) else root
        target.mkdir(parents=True, exist_ok=True)
        _run(["dpkg", "-x", str(package), str(target)], f"{package.name} cannot be unpacked")
    shutil.copy(emulator / QEMU, root / QEMU)
    shutil.rmtree(emulator)
    for name in ("dev", "tmp", "work"):
        (root / name).mkdir(exist_ok=True)
    # A file will do, where no device may be made; what is written to it is a line or two.
    (root / "dev" / "null").touch()


def _install_wheels(folder: Path, root: Path, lock: Path) -> None:
    cache = folder / "wheels" / PYTHON
    try:
        wheels.fetch(PYTHON, lock, cache)
    except subprocess.CalledProcessError as error:
        raise MissingError("not all locked wheels can be fetched for aarch64") from error
    shutil.rmtree(root / SITE, ignore_errors=True)
    # photond lay there as well.
    (root / ".photond").unlink(missing_ok=True)
    _run(
        [
            *(sys.executable, "-m", "pip", "install", "-qq", "--no-index", "--no-compile"),
            *wheels.platform_options(PYTHON),
            f"--find-links={cache}",
            f"--requirement={lock}",
            f"--target={root / SITE}",
        ],
        "the wheels cannot be unpacked",
    )


def _install_photond(folder: Path, root: Path) -> None:
    built = folder / "photond"
    shutil.rmtree(built, ignore_errors=True)
    pip = [sys.executable, "-m", "pip"]
    # Where this fails photond is wrong, and nothing is missing.
    subprocess.run(
        [*pip, "wheel", "-qq", "--no-deps", "--no-build-isolation", f"--wheel-dir={built}", "."],
        cwd=_CHECKOUT,
        check=True,
    )
    (wheel,) = built.glob("*.whl")
    subprocess.run(
        [
            *(*pip, "install", "-qq", "--no-index", "--no-compile", "--no-deps", "--upgrade"),
            *(f"--target={root / SITE}", str(wheel)),
        ],
        check=True,
    )


def _write_environment(folder: Path, script: str, home: str) -> None:
    python = folder / "bin/python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(script, "utf-8")
    python.chmod(0o755)
    settings = f"home = {home}\ninclude-system-site-packages = false\nversion = {PYTHON}\n"
    (folder / "pyvenv.cfg").write_text(settings, "utf-8")


def _run(command: list[str], failure: str, folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise MissingError(f"{failure}: {lines[-1] if lines else f'status {done.returncode}'}")


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main() -> int:
    """Make the root; 0 if it is there, 3 if it cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=_CHECKOUT / ".arm")
    try:
        root = build(parser.parse_args().folder.resolve())
    except MissingError as error:
        print(f"There is no arm64 root: {error}.")
        return MISSING
    choose(root, "m1")
    print(f"The arm64 root is {root}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
