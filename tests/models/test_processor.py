"""What is found out of the processor, and what onnxruntime needs to be told of it on aarch64."""

import subprocess
import sys
from pathlib import Path

import pytest

from photond.daemon import unit
from photond.models.processor import danger, identity, unknown


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files of an M1, as far as they are looked at."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor\t: 0\nCPU implementer\t: 0x61\n", "ascii")
    cpu = tmp_path / "sys/devices/system/cpu"
    cpu.mkdir(parents=True)
    for name in ("possible", "present"):
        (cpu / name).write_text("0-7\n", "ascii")
    return tmp_path


def test_a_machine_that_shows_its_processor_passes(tree: Path) -> None:
    assert (danger(tree, "aarch64"), unknown(tree, "aarch64")) == ("", "")


@pytest.mark.parametrize(
    "file",
    ["proc/cpuinfo", "sys/devices/system/cpu/possible", "sys/devices/system/cpu/present"],
)
def test_a_file_that_is_missing_is_named_and_no_danger(tree: Path, file: str) -> None:
    (tree / file).unlink()
    assert f"/{file}" in unknown(tree, "aarch64")
    assert danger(tree, "aarch64") == ""


@pytest.mark.parametrize("text", ["", "vendor_id\t: GenuineIntel\n"])
def test_a_description_without_an_arm_processor_is_a_danger(tree: Path, text: str) -> None:
    (tree / "proc/cpuinfo").write_text(text, "ascii")
    assert "/proc/cpuinfo" in danger(tree, "aarch64")


def test_other_processors_need_no_description(tmp_path: Path) -> None:
    assert (danger(tmp_path, "x86_64"), unknown(tmp_path, "x86_64")) == ("", "")


def test_onnxruntime_is_not_loaded_in_danger() -> None:
    script = (
        "import sys\n"
        "from photond.errors import ModelError\n"
        "from photond.models import processor\n"
        "processor.danger = lambda: 'no Arm'\n"
        "try:\n"
        "    import photond.models.runtime\n"
        "except ModelError as error:\n"
        "    print(error.message, 'onnxruntime' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "onnxruntime may crash: no Arm False\n"


def test_the_unit_hides_neither_proc_nor_sys() -> None:
    options = [line.partition("=") for line in unit.template().splitlines()]
    assert "ProcSubset" not in {name for name, _, _ in options}
    hiding = {"InaccessiblePaths", "TemporaryFileSystem", "RootDirectory", "RootImage"}
    paths = [value for name, _, value in options if name in hiding]
    assert not any(
        word.lstrip("-").startswith(("/proc", "/sys")) for p in paths for word in p.split()
    )
    assert not any(name.startswith("Root") for name, _, _ in options)


X86 = "processor\t: 0\nmodel name\t: Some\ncpu MHz\t\t: {mhz}\nflags\t\t: {flags}\n"


def described(root: Path, text: str, machine: str = "x86_64") -> str | None:
    (root / "proc/cpuinfo").write_text(text, "ascii")
    return identity(root, machine)


def test_a_processor_is_known_by_the_instructions_that_it_computes_with(tree: Path) -> None:
    one = described(tree, X86.format(mhz=800, flags="fpu sse4_2 avx2 fma"))
    assert one is not None
    assert one == described(tree, X86.format(mhz=4000, flags="fma fpu sse4_2 new_in_6.18 avx2"))
    assert one != described(tree, X86.format(mhz=800, flags="fpu sse4_2 avx2 fma avx512f"))
    assert one != described(tree, X86.format(mhz=800, flags="fpu sse4_2 avx2 fma"), "i686")


def test_an_arm_processor_is_known_by_its_cores_and_their_features(tree: Path) -> None:
    core = "CPU implementer\t: 0x61\nCPU part\t: {part}\nFeatures\t: {features}\n\n"
    fast, slow = (core.format(part=part, features="fp asimd bf16") for part in ("0x022", "0x023"))
    both = described(tree, fast + slow, "aarch64")
    assert both is not None
    assert both == described(tree, slow + slow + fast, "aarch64")
    assert both != described(tree, fast, "aarch64")
    assert both != described(tree, (fast + slow).replace("bf16", "i8mm"), "aarch64")


@pytest.mark.parametrize("text", ["", "processor\t: 0\n"])
def test_a_processor_of_which_nothing_is_said_is_not_known(tree: Path, text: str) -> None:
    assert described(tree, text) is None
    (tree / "proc/cpuinfo").unlink()
    assert identity(tree) is None
