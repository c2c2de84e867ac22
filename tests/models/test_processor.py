"""What onnxruntime needs to be told of the processor on aarch64."""

import subprocess
import sys
from pathlib import Path

import pytest

from photond.daemon import unit
from photond.models.processor import danger, unknown


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
