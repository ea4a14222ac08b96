"""Moments of a run on real clocks, next to those that the lab's clock would show."""

from __future__ import annotations

#: Daemons keep their timers by ticks of up to 0.1 s, and the machine takes its time, too: seconds.
SLACK = 0.2


class About(float):
    """Seconds that were measured: equal to what is at most `SLACK` away, so `assert reply.time == 3` holds for 3.01.

    What is computed from one by adding and subtracting is one, too; order is that of the numbers.
    """

    def __eq__(self, other: object) -> bool:
        return abs(float(self) - other) <= SLACK if isinstance(other, int | float) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return super().__hash__()

    def __add__(self, other: float) -> About:
        return About(float(self) + float(other))

    def __sub__(self, other: float) -> About:
        return About(float(self) - float(other))

    def __rsub__(self, other: float) -> About:
        return About(float(other) - float(self))

    __radd__ = __add__
