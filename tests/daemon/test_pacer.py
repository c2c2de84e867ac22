"""How many photos may be in hand, by what the laptop runs on."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photond.daemon.pacer import Pacer
from photond.daemon.power import OnBattery, Power


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Plug(Power):
    """A charger that tests pull out and put back in."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self.is_out = True

    def on_battery(self) -> bool:
        return self.is_out


def pacer(setting: OnBattery) -> tuple[Pacer, Plug, Clock]:
    plug, clock = Plug(), Clock()
    return Pacer(setting, plug, clock), plug, clock


@pytest.mark.parametrize("setting", ["run", "slow", "pause"])
def test_with_power_it_works_as_it_pleases(setting: OnBattery) -> None:
    paces, plug, _ = pacer(setting)
    plug.is_out = False
    paces.worked(10)
    assert paces.allowance(0) is None
    assert paces.next_at is None
    assert not paces.is_paused
    assert not paces.is_slow


def test_photos_wait_for_power_and_it_is_looked_for_once_a_minute() -> None:
    paces, plug, clock = pacer("pause")
    assert paces.allowance(3) == 0
    assert paces.is_paused
    assert paces.next_at == clock.now + 60
    plug.is_out = False
    assert paces.allowance(0) is None


def test_slowly_is_one_photo_at_a_time_and_a_rest_of_three_times_its_length() -> None:
    paces, plug, clock = pacer("slow")
    assert paces.allowance(0) == 1
    paces.worked(0.5)
    clock.now += 0.5
    assert paces.allowance(1) == 1  # it is in hand still
    paces.worked(0.5)
    clock.now += 0.5
    assert paces.allowance(0) == 0
    assert paces.next_at == clock.now + 3.0
    clock.now += 2.9
    assert paces.allowance(0) == 0
    clock.now += 0.2
    assert paces.allowance(0) == 1
    plug.is_out = False
    assert paces.allowance(0) is None


@given(st.lists(st.floats(0.01, 5), min_size=1, max_size=20))
def test_slowly_it_works_a_quarter_of_the_time(photos: list[float]) -> None:
    paces, _, clock = pacer("slow")
    began = clock.now
    for seconds in photos:
        while paces.allowance(0) == 0:
            at = paces.next_at
            assert at is not None
            clock.now = at
        clock.now += seconds
        paces.worked(seconds)
    paces.allowance(0)
    rests_until = paces.next_at
    assert rests_until is not None
    assert sum(photos) / (rests_until - began) == pytest.approx(0.25)
