"""What is counted while a scenario is played, and what is kept of a call that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

#: Failures of one scenario whose messages are kept.
KEPT_FAILURES = 20


class Times:
    """Many durations, in seconds: how many, their sum, the shortest and the longest, and how they spread."""

    __slots__ = ("borders", "buckets", "count", "longest", "shortest", "total")

    def __init__(self, borders: Sequence[float] = ()) -> None:
        self.borders = tuple(borders)  #: ms; the last bucket holds what is above all of them
        self.buckets = [0] * (len(self.borders) + 1)
        self.count, self.total, self.shortest, self.longest = 0, 0.0, 0.0, 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.shortest = seconds if not self.count else min(self.shortest, seconds)
        self.longest = max(self.longest, seconds)
        self.count += 1
        self.total += seconds
        if self.borders:
            ms = seconds * 1000
            self.buckets[next((n for n, border in enumerate(self.borders) if ms < border), len(self.borders))] += 1

    @property
    def mean(self) -> float:
        """The mean."""
        return self.total / self.count if self.count else 0.0

    def __str__(self) -> str:
        return f"{self.mean * 1000:.0f} ms on average, {self.shortest * 1000:.0f} to {self.longest * 1000:.0f}"


@dataclass(slots=True)
class Counts:
    """The numbers of one scenario."""

    created: int = 0
    successful: int = 0
    failed: int = 0
    open: int = 0
    peak: int = 0  #: most calls open at once
    retransmissions: int = 0
    unexpected: int = 0
    auto_answered: int = 0
    out_of_call: int = 0  #: messages of no known call
    dead_call: int = 0  #: messages of a call that was over
    causes: dict[str, int] = field(default_factory=dict)  #: why calls failed
    counters: dict[str, int] = field(default_factory=dict)  #: attribute counter="..."
    response_times: dict[str, Times] = field(default_factory=dict)  #: attributes start_rtd and rtd
    call_lengths: Times = field(default_factory=Times)
    borders: tuple[float, ...] = ()

    def response_time(self, name: str, seconds: float) -> None:
        """One more response time."""
        times = self.response_times.get(name)
        if times is None:
            times = self.response_times[name] = Times(self.borders)
        times.add(seconds)
