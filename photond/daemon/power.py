"""Whether the machine runs on its battery, and how hard to work then."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SUPPLIES = Path("/sys/class/power_supply")

OnBattery = Literal["run", "slow", "pause"]

LOOK_EVERY = 60.0  # seconds
_SLOW_DUTY = 0.25


@dataclass(frozen=True, slots=True)
class Supply:
    """One power supply, as the kernel describes it.

    Attributes:
        kind: "Battery", "Mains", "USB", "UPS", "Wireless" or what else there is.
        scope: "Device" for what powers only a mouse or a pen; "System", "Unknown" or empty elsewhere.
        online: Whether power comes in through it; None where it does not say.
        status: Of a battery: "Charging", "Discharging", "Not charging", "Full", "Unknown" or empty.
        present: Whether a battery is there; a bay may be empty.
    """

    kind: str
    scope: str = ""
    online: bool | None = None
    status: str = ""
    present: bool = True


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard to work.

    Attributes:
        workers: How many photos at a time at most; None as many as are configured, 0 none.
        duty: The share of the time in which the workers may work, from 0 to 1.
    """

    workers: int | None
    duty: float


def runs_on_battery(supplies: Iterable[Supply]) -> bool:
    """Whether the battery is being used up.

    A desktop, whose only battery is its mouse's, never does; nor does a laptop on any working charger.
    """
    system = [one for one in supplies if one.scope != "Device"]
    batteries = [one for one in system if one.kind == "Battery" and one.present]
    # Whatever is neither a battery nor a UPS brings power in from outside: Mains, USB, Wireless.
    chargers = [one.online for one in system if one.kind not in {"Battery", "UPS"}]
    if not batteries or True in chargers:
        return False
    if any(one.status == "Discharging" for one in batteries):
        return True
    # One battery that does not know, beside a charger that is known to be unplugged.
    return False in chargers and any(one.status in {"", "Unknown"} for one in batteries)


def pace(setting: OnBattery, *, on_battery: bool) -> Pace:
    """How hard to work, given the setting `power.on_battery`."""
    if not on_battery or setting == "run":
        return Pace(None, 1.0)
    if setting == "slow":
        return Pace(1, _SLOW_DUTY)
    return Pace(0, 0.0)


@dataclass(frozen=True, slots=True)
class DutyCycle:
    """Turns a share of the time into rests.

    Attributes:
        duty: The share of the time in which work is done, from 0 to 1.
    """

    duty: float

    def rest(self, worked: float) -> float:
        """For how many seconds to rest after so many of work; infinitely long if none is allowed."""
        if self.duty >= 1:
            return 0.0
        if self.duty <= 0:
            return math.inf
        return worked * (1 - self.duty) / self.duty


def read_supplies(folder: Path = SUPPLIES) -> list[Supply]:
    """The power supplies that the kernel knows; those that vanish meanwhile are left out."""
    try:
        names = sorted(folder.iterdir())
    except OSError:
        return []
    found = []
    for name in names:
        kind = _read(name / "type")
        if kind:
            online = _read(name / "online")
            found.append(
                Supply(
                    kind=kind,
                    scope=_read(name / "scope"),
                    # 2 is a charger whose voltage can be set.
                    online=None if not online else online != "0",
                    status=_read(name / "status"),
                    present=_read(name / "present") != "0",
                )
            )
    return found


class Power:
    """Whether the machine runs on its battery, looked up when asked and at most once a minute.

    Nothing here wakes up by itself: a daemon without work does not ask.

    Args:
        folder: Where the kernel describes the power supplies.
        clock: Seconds; by default a clock that goes on while the machine sleeps, since a laptop is
            often unplugged while its lid is closed.
    """

    def __init__(
        self,
        folder: Path = SUPPLIES,
        clock: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._looked_at = -math.inf
        self._on_battery = False

    def on_battery(self) -> bool:
        """Whether the machine runs on its battery, as of at most a minute ago."""
        now = self._clock()
        if now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            self._on_battery = runs_on_battery(read_supplies(self._folder))
        return self._on_battery


def _read(file: Path) -> str:
    """What a file of the kernel says; empty if it is not there or its device just went."""
    try:
        return file.read_text("ascii", "replace").strip()
    except OSError:
        return ""
