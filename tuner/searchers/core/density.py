"""Densities of one parameter around a value, on the scale of its distribution.

Numbers are mapped to [0, 1], by their logarithms if the distribution is logarithmic. Densities are
relative to the uniform one, which is 1.
"""

import math
from dataclasses import dataclass

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tuner.config.domains import ChoiceKey

Value = ChoiceKey


@dataclass(frozen=True)
class Density:
    """A density of one parameter.

    Attributes:
        centre: The most probable value, in Optuna's form.
        spread: Standard deviation on [0, 1] of a truncated normal distribution, or the probability
            of `centre` among listed values, of which the others share the rest equally.
    """

    centre: Value
    spread: float

    def sample(self, distribution: BaseDistribution, rng: np.random.Generator) -> Value:
        """Return a random value."""
        if isinstance(distribution, CategoricalDistribution):
            others = [value for value in distribution.choices if value != self.centre]
            keeps = not others or rng.random() < self.spread
            return self.centre if keeps else others[rng.integers(len(others))]
        middle = to_unit(distribution, self.centre)
        low, high = -middle / self.spread, (1 - middle) / self.spread
        from scipy.stats import truncnorm  # noqa: PLC0415  # half a second to import

        unit = truncnorm.rvs(low, high, loc=middle, scale=self.spread, random_state=rng)
        return from_unit(distribution, float(unit))

    def value_at(self, distribution: BaseDistribution, value: Value) -> float:
        """Return the density of a value; the uniform density is 1."""
        if isinstance(distribution, CategoricalDistribution):
            number = len(distribution.choices)
            rest = (1 - self.spread) / max(number - 1, 1)
            return number * (self.spread if value == self.centre else rest)
        middle = to_unit(distribution, self.centre)
        low, high = -middle / self.spread, (1 - middle) / self.spread
        unit = to_unit(distribution, value)
        from scipy.stats import truncnorm  # noqa: PLC0415  # half a second to import

        return float(truncnorm.pdf(unit, low, high, loc=middle, scale=self.spread))


def sample_uniform(distribution: BaseDistribution, rng: np.random.Generator) -> Value:
    """Return a random value with equal density everywhere on the scale of a distribution."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[rng.integers(len(distribution.choices))]
    return from_unit(distribution, rng.random())


def to_unit(distribution: BaseDistribution, value: Value) -> float:
    """Return the position of a number in its range, from 0 to 1."""
    low, high = scaled_bounds(distribution)
    assert isinstance(value, int | float)
    number = math.log(value) if is_log(distribution) else float(value)
    return min(max((number - low) / (high - low), 0.0), 1.0)


def from_unit(distribution: BaseDistribution, unit: float) -> float:
    """Return the number at a position from 0 to 1 in a range."""
    low, high = scaled_bounds(distribution)
    number = low + unit * (high - low)
    number = math.exp(number) if is_log(distribution) else number
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    number = round(number) if isinstance(distribution, IntDistribution) else number
    return min(max(number, distribution.low), distribution.high)


def scaled_bounds(distribution: BaseDistribution) -> tuple[float, float]:
    """Return the ends of a range on its scale; integers have half a step beyond their ends."""
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    margin = 0.5 if isinstance(distribution, IntDistribution) else 0.0
    low, high = distribution.low - margin, distribution.high + margin
    return (math.log(low), math.log(high)) if is_log(distribution) else (low, high)


def is_log(distribution: BaseDistribution) -> bool:
    """Return whether a distribution is logarithmic."""
    return isinstance(distribution, FloatDistribution | IntDistribution) and distribution.log
