"""Moments of a run on real clocks, next to those that the lab's clock would show."""

from __future__ import annotations

#: How much longer is waited: daemons keep their timers by ticks of up to 0.1 s. Seconds, as all here.
SLACK = 0.2
#: Up to where two moments count as one: the machine takes its time, too.
TOLERANCE = SLACK + 0.1


class About(float):
    """Measured seconds: equal to what is at most `TOLERANCE` away, so `assert reply.time == 3` holds for 3.01.

    What is computed from one by adding and subtracting is one, too; order is that of the numbers.
    """

    def __eq__(self, other: object) -> bool:
        return abs(float(self) - other) <= TOLERANCE if isinstance(other, int | float) else NotImplemented

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
