"""Run photond on an emulated aarch64 machine with pages of 16 KiB, and hold it against this one.

`python -m tools.arm.emulate` makes the root that `tools/arm/root.py` describes, and runs it in two
ways: from the `outside`, where programs see the host's files if the root has none, and in a `chroot`,
where they see nothing else. It exits with 1 if something is not right, and with 3 where it cannot
run here.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tools.arm import machines
from tools.arm.compare import Index, compare, read_index
from tools.arm.expected import write_expected
from tools.arm.root import MISSING, QEMU, MissingError, build, choose

PAGE_BYTES = 16384
CPU = "cortex-a76"
# With NEON alone, with its products of int8, and with all that QEMU knows.
PRODUCT_CPUS = ("cortex-a72", CPU, "max")

_CHECKOUT = Path(__file__).resolve().parents[2]
_SAMPLES = ("cat.jpg", "coffee.jpg", "mountain.jpg")
_QUERIES = ("cup of coffee", "snowy mountains")
_SECONDS = 600
_SIGSEGV = -11


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and whether it is right."""

    where: str
    is_right: bool
    text: str


@dataclass(frozen=True, slots=True)
class Way:
    """A way to run programs of the root.

    Attributes:
        name: Of the way.
        root: The host's path of the root.
        command: Runs Python, before its arguments.
        is_inside: Whether the root is "/" to the programs.
    """

    name: str
    root: Path
    command: tuple[str, ...]
    is_inside: bool

    def path(self, below: str) -> str:
        """How a program names a path below the root."""
        return f"/{below}" if self.is_inside else str(self.root / below)

    def run(
        self, *arguments: str, home: str = "work", cpu: str = CPU
    ) -> subprocess.CompletedProcess[str]:
        """Run Python.

        Args:
            *arguments: Python's.
            home: The user's folder, below the root.
            cpu: As QEMU names it.
        """
        environment = {
            "QEMU_CPU": cpu,
            "QEMU_PAGESIZE": str(PAGE_BYTES),
            "HOME": self.path(home),
            "XDG_RUNTIME_DIR": self.path(f"{home}/run"),
            "LANG": "C.UTF-8",
            "PATH": "/usr/bin:/bin",
        }
        return _run([*self.command, *arguments], environment, self.root / "work")


def _run(
    command: Sequence[str], environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def ways(folder: Path, root: Path) -> list[Way]:
    """The ways that this machine allows."""
    found = [Way("outside", root, (str(folder / "outside/bin/python"),), is_inside=False)]
    chroot = shutil.which("chroot", path="/usr/sbin:/sbin:/usr/bin:/bin")
    # A container may have a root user that may not.
    if chroot and _run([chroot, str(root), f"/{QEMU}", "--version"], {}, root).returncode == 0:
        found.append(Way("chroot", root, (chroot, str(root), "/venv/bin/python"), is_inside=True))
    return found


def check_libraries(way: Way, cpus: Sequence[str] = PRODUCT_CPUS) -> Iterator[Finding]:
    """What `inside/libraries.py` tries, and numkong's products on more processors."""
    for cpu in cpus:
        names = [] if cpu == CPU else ["products"]
        script, expected = way.path("work/libraries.py"), way.path("work/expected")
        done = way.run(script, expected, *names, cpu=cpu)
        where = f"{way.name}, {cpu}"
        if done.returncode:
            yield Finding(where, is_right=False, text=_ending(done))
            continue
        for name, (is_right, text) in json.loads(done.stdout).items():
            yield Finding(where, is_right, f"{name}: {text}")


def check_photos(way: Way, expected: Index) -> Iterator[Finding]:
    """Three photos, indexed and searched, against the host's."""
    home = f"work/{way.name}"
    photos = way.root / home / "photos"
    _copy_samples(photos)
    index = way.run("-m", "photond", "index", way.path(f"{home}/photos"), home=home)
    if index.returncode:
        yield Finding(way.name, is_right=False, text=f"photond index: {_ending(index)}")
        return
    answers = [way.run("-m", "photond", "query", text, "--json", home=home) for text in _QUERIES]
    failed = [done for done in answers if done.returncode]
    if failed:
        yield Finding(way.name, is_right=False, text=f"photond query: {_ending(failed[0])}")
        return
    found = read_index(way.root / home, [done.stdout for done in answers])
    is_right, text = compare(found, expected)
    yield Finding(way.name, is_right, f"index and query: {text}")


def check_daemon(way: Way) -> Iterator[Finding]:
    """The daemon, on the photos that `check_photos` has indexed."""
    home = f"work/{way.name}"
    script, photos = way.path("work/daemon.py"), way.path(f"{home}/photos")
    done = way.run(script, photos, way.path(f"{home}/photos/{_SAMPLES[0]}"), home=home)
    text = _ending(done) if done.returncode else done.stdout.strip()
    yield Finding(way.name, done.returncode == 0, f"photond run: {text}")


def check_doctor(way: Way) -> Iterator[Finding]:
    """What the doctor says of a sound machine."""
    done = way.run("-m", "photond", "doctor", "--json", home="work/doctor")
    findings = json.loads(done.stdout) if done.stdout.startswith("[") else []
    errors = [finding for finding in findings if finding["verdict"] == "error"]
    pages = any("pages of 16 KiB" in finding["detail"] for finding in findings)
    is_right = bool(findings) and not errors and pages and not done.returncode
    text = f"{len(findings)} findings, no error" if is_right else f"{errors or _ending(done)}"
    yield Finding(way.name, is_right, f"photond doctor: {text}")


def check_machine(way: Way, machine: str) -> Finding:
    """Whether onnxruntime loads, and whether photond has foreseen it."""
    choose(way.root, machine)
    where = f"{way.name}, {machine}"
    bare = way.run("-c", "import onnxruntime")
    guarded = way.run(
        "-c",
        "from photond.errors import ModelError\n"
        "from photond.models import processor\n"
        "try:\n"
        "    import photond.models.runtime\n"
        "except ModelError:\n"
        "    print('refused')\n"
        "else:\n"
        "    print('warned' if processor.unknown() else 'silent')\n",
    )
    outcome = {0: "loads", _SIGSEGV: "SIGSEGV"}.get(bare.returncode, f"status {bare.returncode}")
    foreseen = guarded.stdout.strip() if guarded.returncode == 0 else _ending(guarded)
    # What loads may be refused, and what crashes must be.
    is_right = guarded.returncode == 0 and (bare.returncode == 0 or foreseen == "refused")
    complaint = " (it complains)" if bare.returncode == 0 and bare.stderr.strip() else ""
    return Finding(where, is_right, f"onnxruntime {outcome}{complaint}, photond: {foreseen}")


def check_condition(way: Way) -> Finding:
    """Whether the doctor lives, and names the condition, where onnxruntime dies."""
    choose(way.root, "empty-cpuinfo")
    done = way.run("-m", "photond", "doctor", "--json", home="work/doctor")
    errors = {
        finding["subject"]: finding["detail"]
        for finding in (json.loads(done.stdout) if done.returncode == 1 else [])
        if finding["verdict"] == "error"
    }
    text = errors.get("processor", f"it does not name it: {_ending(done)}")
    return Finding(f"{way.name}, empty-cpuinfo", "processor" in errors, f"photond doctor: {text}")


def _copy_samples(folder: Path) -> None:
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in _SAMPLES:
        shutil.copy(_CHECKOUT / "samples" / name, folder)


def _index_here(home: Path) -> Index:
    """The same photos and queries on this machine."""
    _copy_samples(home / "photos")
    environment = {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(_CHECKOUT),
        "LANG": "C.UTF-8",
    }
    photond = [sys.executable, "-m", "photond"]
    answers = []
    for arguments in (
        ["index", str(home / "photos")],
        *(["query", text, "--json"] for text in _QUERIES),
    ):
        done = _run([*photond, *arguments], environment, home)
        done.check_returncode()
        answers.append(done.stdout)
    return read_index(home, answers[1:])


def _ending(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return f"status {done.returncode}: {lines[-1] if lines else 'it said nothing'}"


def _report(findings: Iterator[Finding]) -> bool:
    """Print what was found as it comes; whether all is right."""
    are_right = True
    for finding in findings:
        are_right &= finding.is_right
        print(
            f"{'ok   ' if finding.is_right else 'WRONG'}  {finding.where}: {finding.text}",
            flush=True,
        )
    return are_right


def emulate(folder: Path) -> bool:
    """Check everything that this machine allows; whether all is right.

    Raises:
        MissingError: The root cannot be made.
    """
    root = build(folder)
    shutil.rmtree(root / "work")
    (root / "work").mkdir()
    for script in (_CHECKOUT / "tools/arm/inside").glob("*.py"):
        shutil.copy(script, root / "work")
    write_expected(root / "work/expected", _CHECKOUT / "samples/coffee.jpg")
    expected = _index_here(folder / "here")
    choose(root, "m1")
    found = ways(folder, root)
    last = found[-1]

    # Two at a time: the doctor embeds as many photos as both ways together, on one core.
    jobs = [
        chain(check_libraries(last), check_photos(last, expected), check_daemon(last)),
        chain(check_doctor(last), *(_check_shortly(way, expected) for way in found[:-1])),
    ]
    with ThreadPoolExecutor(len(jobs)) as pool:
        are_right = all(list(pool.map(_report, jobs)))
    are_right &= _report(check_machine(last, machine) for machine in machines.trees())
    are_right &= _report(iter([check_condition(last)]))
    choose(root, "m1")
    if not last.is_inside:
        print("Only root may chroot: what was run saw the host's files where the root has none.")
    return are_right


def _check_shortly(way: Way, expected: Index) -> Iterator[Finding]:
    yield from check_libraries(way, (CPU,))
    yield from check_photos(way, expected)


def main() -> int:
    """Run the checks; 0 if all is right, 1 if not, 3 if they cannot run here."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=_CHECKOUT / ".arm")
    start = time.monotonic()
    try:
        are_right = emulate(parser.parse_args().folder.resolve())
    except MissingError as error:
        print(f"aarch64 is not emulated: {error}.")
        return MISSING
    print(f"The emulation took {time.monotonic() - start:.0f} s.")
    return int(not are_right)


if __name__ == "__main__":
    sys.exit(main())
