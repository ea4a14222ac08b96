"""How long a pause lasts, or what `sample` draws: SIPp's distributions, from the lab's own chance.

Each is a function of `random.Random` to a number; pauses are milliseconds. `percentile` gives the value that 99 of 100
draws stay under, from which SIPp computes how many calls may be open by default.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import NamedTuple


class Distribution(NamedTuple):
    """A way to draw a number."""

    name: str
    sample: Callable[[Random], float]
    percentile: float

    def draw(self, chance: Random) -> float:
        """A number; infinity where none is large enough."""
        try:
            return self.sample(chance)
        except OverflowError:
            return math.inf


class Kind(NamedTuple):
    """A distribution by name: its parameters, in the order of `make`'s arguments."""

    parameters: tuple[str, ...]
    make: Callable[..., Distribution]


def fixed(value: float) -> Distribution:
    """Always the same."""
    return Distribution("fixed", lambda chance: value, value)


def _uniform(low: float, high: float) -> Distribution:
    return Distribution("uniform", lambda chance: chance.uniform(low, high), low + 0.99 * (high - low))


_Z99 = 2.3263478740408408  # the 99th percentile of the standard normal distribution


def _normal(mean: float, stdev: float) -> Distribution:
    return Distribution("normal", lambda chance: chance.gauss(mean, stdev), mean + _Z99 * stdev)


def _lognormal(mean: float, stdev: float) -> Distribution:
    return Distribution("lognormal", lambda chance: chance.lognormvariate(mean, stdev), _exp(mean + _Z99 * stdev))


def _exponential(mean: float) -> Distribution:
    return Distribution("exponential", lambda chance: chance.expovariate(1.0) * mean, mean * math.log(100))


def _weibull(scale: float, shape: float) -> Distribution:
    percentile = scale * math.log(100) ** (1 / shape) if shape else math.inf
    return Distribution("weibull", lambda chance: chance.weibullvariate(scale, shape), percentile)


def _pareto(shape: float, scale: float) -> Distribution:
    percentile = scale * 100 ** (1 / shape) if shape else math.inf
    return Distribution("pareto", lambda chance: scale * chance.paretovariate(shape), percentile)


def _gpareto(shape: float, scale: float, location: float) -> Distribution:
    def at(percentile: float) -> float:
        if not shape:
            return location - scale * math.log(percentile)
        return location + scale * (math.pow(percentile, -shape) - 1) / shape

    return Distribution("gpareto", lambda chance: at(1.0 - chance.random()), at(0.01))


def _gamma(shape: float, scale: float) -> Distribution:
    # The Wilson-Hilferty approximation: good enough for a limit of open calls.
    cube = 1 - 1 / (9 * shape) + _Z99 * math.sqrt(1 / (9 * shape)) if shape > 0 else 0.0
    return Distribution("gamma", lambda chance: chance.gammavariate(shape, scale), shape * scale * cube**3)


def _negbin(successes: float, probability: float) -> Distribution:
    def draw(chance: Random) -> float:
        rate = chance.gammavariate(successes, (1 - probability) / probability)
        return float(_poisson(chance, rate))

    return Distribution("negbin", draw, 0.0)  # SIPp knows no percentile of it either


def _poisson(chance: Random, rate: float) -> int:
    """How many arrivals of a unit rate fit into `rate`."""
    if rate > 1000:
        return max(0, round(chance.gauss(rate, math.sqrt(rate))))
    count, left = 0, rate - chance.expovariate(1.0)
    while left > 0:
        count, left = count + 1, left - chance.expovariate(1.0)
    return count


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


KINDS: dict[str, Kind] = {
    "fixed": Kind(("value",), fixed),
    "uniform": Kind(("min", "max"), _uniform),
    "normal": Kind(("mean", "stdev"), _normal),
    "lognormal": Kind(("mean", "stdev"), _lognormal),
    "exponential": Kind(("mean",), _exponential),
    "weibull": Kind(("lambda", "k"), _weibull),
    "pareto": Kind(("k", "x_m"), _pareto),
    "gpareto": Kind(("shape", "scale", "location"), _gpareto),
    "gamma": Kind(("k", "theta"), _gamma),
    "negbin": Kind(("n", "p"), _negbin),
}

#: What has to be above zero for a draw to be possible.
POSITIVE = {
    "weibull": ("lambda", "k"),
    "pareto": ("k", "x_m"),
    "gamma": ("k", "theta"),
    "negbin": ("n", "p"),
    "exponential": ("mean",),
}
