"""Batteries as the kernel shows them, on folders laid out like /sys/class/power_supply."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.daemon.power import (
    DutyCycle,
    Pace,
    Power,
    Supply,
    pace,
    read_supplies,
    runs_on_battery,
)


def supply(folder: Path, name: str, **facts: str) -> None:
    (folder / name).mkdir(exist_ok=True)
    for fact, value in facts.items():
        (folder / name / fact).write_text(value + "\n")


def asahi(folder: Path, *, plugged: bool) -> None:
    """What an Apple laptop shows under Asahi Linux."""
    supply(folder, "macsmc-ac", type="Mains", online="1" if plugged else "0")
    status = "Charging" if plugged else "Discharging"
    supply(folder, "macsmc-battery", type="Battery", scope="System", present="1", status=status)
    supply(folder, "hid-keyboard-battery", type="Battery", scope="Device", status="Discharging")


def on_battery(folder: Path) -> bool:
    return runs_on_battery(read_supplies(folder))


@pytest.mark.parametrize("plugged", [True, False])
def test_an_apple_laptop_is_on_battery_when_it_is_unplugged(tmp_path, plugged) -> None:
    asahi(tmp_path, plugged=plugged)
    assert on_battery(tmp_path) is not plugged


def test_a_full_battery_on_a_charger_that_holds_it_is_not_in_use(tmp_path) -> None:
    supply(tmp_path, "macsmc-ac", type="Mains", online="1")
    supply(tmp_path, "macsmc-battery", type="Battery", status="Not charging")
    assert not on_battery(tmp_path)


def test_a_desktop_with_a_mouse_is_never_on_battery(tmp_path) -> None:
    supply(tmp_path, "hidpp_battery_0", type="Battery", scope="Device", status="Discharging")
    assert not on_battery(tmp_path)


def test_a_usb_charger_counts_and_an_empty_usb_port_does_not(tmp_path) -> None:
    supply(tmp_path, "BAT0", type="Battery", status="Discharging")
    supply(tmp_path, "ucsi-source-psy-1", type="USB", online="0")
    assert on_battery(tmp_path)
    supply(tmp_path, "ucsi-source-psy-2", type="USB_PD", online="1")
    assert not on_battery(tmp_path)


def test_an_empty_battery_bay_is_no_battery(tmp_path) -> None:
    supply(tmp_path, "AC", type="Mains", online="0")
    supply(tmp_path, "BAT1", type="Battery", present="0", status="Unknown")
    assert not on_battery(tmp_path)


def test_a_battery_that_does_not_know_is_believed_to_be_in_use_when_unplugged(tmp_path) -> None:
    supply(tmp_path, "BAT0", type="Battery", status="Unknown")
    assert not on_battery(tmp_path)
    supply(tmp_path, "AC", type="Mains", online="0")
    assert on_battery(tmp_path)


def test_a_machine_without_power_supplies_is_not_on_battery(tmp_path) -> None:
    assert not on_battery(tmp_path)
    assert not on_battery(tmp_path / "missing")


def test_a_supply_that_cannot_be_read_is_passed_over(tmp_path) -> None:
    (tmp_path / "BAT0" / "type").mkdir(parents=True)
    (tmp_path / "nothing").mkdir()
    assert read_supplies(tmp_path) == []


SUPPLIES = st.lists(
    st.builds(
        Supply,
        kind=st.sampled_from(["Battery", "Mains", "USB", "USB_PD", "UPS", "Wireless"]),
        scope=st.sampled_from(["", "System", "Device", "Unknown"]),
        online=st.sampled_from([None, True, False]),
        status=st.sampled_from(["", "Unknown", "Charging", "Discharging", "Not charging", "Full"]),
        present=st.booleans(),
    )
)


@given(SUPPLIES)
def test_a_working_charger_always_wins(supplies) -> None:
    assert not runs_on_battery([*supplies, Supply("Mains", online=True)])


@given(SUPPLIES)
def test_what_powers_a_mouse_never_matters(supplies) -> None:
    own = [one for one in supplies if one.scope != "Device"]
    assert runs_on_battery(supplies) == runs_on_battery(own)


@given(SUPPLIES)
def test_the_order_of_supplies_does_not_matter(supplies) -> None:
    assert runs_on_battery(supplies) == runs_on_battery(supplies[::-1])


@given(SUPPLIES)
def test_on_battery_means_that_there_is_one(supplies) -> None:
    if runs_on_battery(supplies):
        assert any(one.kind == "Battery" and one.present for one in supplies)


def test_the_setting_only_matters_on_battery() -> None:
    full = Pace(None, 1.0)
    assert {pace(setting, on_battery=False) for setting in ("run", "slow", "pause")} == {full}
    assert pace("run", on_battery=True) == full
    assert pace("slow", on_battery=True) == Pace(1, 0.25)
    assert pace("pause", on_battery=True) == Pace(0, 0.0)


@given(st.floats(0.01, 1), st.floats(0, 1e6))
def test_work_and_rest_together_are_the_duty_cycle(duty, worked) -> None:
    rest = DutyCycle(duty).rest(worked)
    assert rest >= 0
    assert worked == pytest.approx(duty * (worked + rest), rel=1e-9, abs=1e-12)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1e6))
def test_less_duty_never_means_less_rest(one, other, worked) -> None:
    less, more = sorted((one, other))
    assert DutyCycle(less).rest(worked) >= DutyCycle(more).rest(worked)


def test_no_duty_at_all_rests_for_good() -> None:
    assert DutyCycle(0.0).rest(1.0) == math.inf
    assert DutyCycle(1.0).rest(1.0) == 0


def test_the_supplies_are_looked_at_once_a_minute_and_after_sleep(tmp_path) -> None:
    now = 1000.0
    power = Power(tmp_path, lambda: now)
    asahi(tmp_path, plugged=True)
    assert not power.on_battery()
    asahi(tmp_path, plugged=False)
    now += 59
    assert not power.on_battery()
    now += 1
    assert power.on_battery()
    asahi(tmp_path, plugged=True)
    now += 8 * 3600  # the lid was closed for a night; the clock went on
    assert not power.on_battery()
