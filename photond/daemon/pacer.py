"""The pacer: how many photos may be in hand just now, by what the laptop runs on."""

import time
from collections.abc import Callable

from photond.daemon.power import DutyCycle, OnBattery, Pace, Power, pace

# While photos wait for power, it is looked again after so many seconds.
_LOOK_AGAIN = 60.0


class Pacer:
    """Lets the daemon work on as it pleases, slowly, or not at all.

    Args:
        setting: What the user wants on battery, `power.on_battery`.
        power: Knows what the machine runs on.
        clock: Seconds that only ever go forward.
    """

    def __init__(
        self, setting: OnBattery, power: Power, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._setting = setting
        self._power = power
        self._clock = clock
        self._pace = Pace(None, 1.0)
        self._worked = 0.0
        self._rests_until = 0.0

    @property
    def is_paused(self) -> bool:
        """Whether photos wait until there is power."""
        return self._pace.workers == 0

    @property
    def is_slow(self) -> bool:
        """Whether photos are read one by one, with rests in between."""
        return self._pace.duty < 1 and not self.is_paused

    def allowance(self, in_hand: int) -> int | None:
        """How many photos may be in hand; None for as many as are configured.

        Args:
            in_hand: How many there are.
        """
        self._pace = pace(self._setting, on_battery=self._power.on_battery())
        if not self.is_slow:
            self._worked = 0.0
            return self._pace.workers
        now = self._clock()
        if not in_hand and self._worked:
            self._rests_until = now + DutyCycle(self._pace.duty).rest(self._worked)
            self._worked = 0.0
        return 0 if now < self._rests_until and not in_hand else self._pace.workers

    def worked(self, seconds: float) -> None:
        """So long was something done with photos."""
        self._worked += seconds

    @property
    def next_at(self) -> float | None:
        """When there may be more to do than now, by the clock; None where it goes on anyway."""
        now = self._clock()
        if self.is_paused:
            return now + _LOOK_AGAIN
        return self._rests_until if self.is_slow and now < self._rests_until else None
