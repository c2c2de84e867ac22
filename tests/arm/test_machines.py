"""What machines are emulated, and what photond is to think of each."""

from pathlib import Path

import pytest

from photond.models.processor import danger, unknown
from tools.arm import machines
from tools.arm.root import choose


@pytest.mark.parametrize("name", ["m1", "m2"])
def test_apple_s_machines_have_four_cores_of_each_kind_and_tell_no_caches(name: str) -> None:
    files = machines.trees()[name]
    parts = [line for line in files["proc/cpuinfo"].splitlines() if line.startswith("CPU part")]
    assert sorted(map(parts.count, dict.fromkeys(parts))) == [4, 4]
    assert not any("/cache/" in path for path in files)


def test_a_midr_is_as_the_kernel_of_an_m1_prints_it() -> None:
    path = "sys/devices/system/cpu/cpu0/regs/identification/midr_el1"
    assert machines.trees()["m1"][path] == "0x00000000611f0221\n"


@pytest.mark.parametrize(
    ("name", "is_danger", "is_unknown"),
    [
        ("m1", False, False),
        ("m2", False, False),
        ("pi", False, False),
        ("nothing", False, True),
        ("m1-without-sys", False, True),
        ("no-cpuinfo", False, True),
        ("x86-cpuinfo", True, False),
        ("empty-cpuinfo", True, False),
        ("empty-cpuinfo-without-sys", True, True),
    ],
)
def test_photond_judges_each_machine(
    tmp_path: Path, name: str, is_danger: bool, is_unknown: bool
) -> None:
    machines.lay(machines.trees()[name], tmp_path)
    found = (bool(danger(tmp_path, "aarch64")), bool(unknown(tmp_path, "aarch64")))
    assert found == (is_danger, is_unknown)


def test_a_root_has_the_files_of_the_machine_chosen_last(tmp_path: Path) -> None:
    for name in ("m1", "pi"):
        machines.lay(machines.trees()[name], tmp_path / "machines" / name)
        choose(tmp_path, name)
    assert (tmp_path / "sys/devices/system/cpu/present").read_text("ascii") == "0-3\n"
    assert "0xd08" in (tmp_path / "proc/cpuinfo").read_text("ascii")
