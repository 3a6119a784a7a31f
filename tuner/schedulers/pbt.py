"""Population-based training (Jaderberg et al., 2017, arXiv:1711.09846)."""

import random
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from trainables.ranges import Fraction, Inside
from tuner.domains import multiple, multiples, step, values
from tuner.ladder import Course
from tuner.population import Population
from tuner.rule import Rule, Step

Half = Annotated[float, Field(gt=0, le=0.5)]
INTERVAL, QUANTILE = 0.125, 0.25
"""Where nothing else is said, by those who exchange: every eighth of the run, a quarter each."""
FACTORS = (0.8, 1.2)
"""By which a number is perturbed, as in the paper."""
POPULATION = True
"""Trials change their knobs as they go, so that a configuration is no setting to be run again."""


def build(
    *,
    course: Course,
    searched: Mapping[str, object],
    seed: int,
    interval: Inside = INTERVAL,
    quantile: Half = QUANTILE,
    resample: Fraction = 0.25,
) -> Rule:
    """Return a rule by which the worst go on from the best's weights, with perturbed knobs.

    Args:
        course: How far trials may go.
        searched: Domain of each searched knob by path.
        seed: Of all chance.
        interval: Share of the run between two exchanges.
        quantile: Share of the trials that take over, and that are taken over from.
        resample: Probability that a knob is drawn anew rather than multiplied by 0.8 or 1.2.
    """

    def explore(
        population: Population, taking: Step, rung: int, rng: random.Random
    ) -> dict[str, object]:
        old = population.knobs[rung][taking.source]
        return {
            path: perturbed(domain, old[path], resample, rng) for path, domain in searched.items()
        }

    return Population(course.ladder(every(interval)), course.trials, quantile, explore, seed)


def every(interval: float) -> list[float]:
    """Return the shares of a run at which trials exchange.

    >>> every(0.25)
    [0.25, 0.5, 0.75]
    """
    return [n * interval for n in range(1, round(1 / interval)) if n * interval < 1]


def perturbed(domain: Any, value: Any, resample: float, rng: random.Random) -> Any:  # noqa: ANN401
    """Return another value of a knob: multiplied, the neighbour in a list, or drawn anew."""
    if rng.random() < resample:
        return drawn(domain, rng)
    if (listed := values(domain)) is not None:
        place = listed.index(value) + rng.choice((-1, 1))
        return listed[min(max(place, 0), len(listed) - 1)]
    return within(domain, value * rng.choice(FACTORS))


def drawn(domain: Any, rng: random.Random) -> Any:  # noqa: ANN401
    """Return a value drawn from a domain."""
    if (listed := values(domain)) is not None:
        return rng.choice(listed)
    return within(domain, domain.sample(random_state=np.random.RandomState(rng.randrange(2**32))))


def within(domain: Any, value: float) -> Any:  # noqa: ANN401
    """Return the value of a range that is nearest to a number."""
    if found := multiples(domain):
        index = round(value / (step(domain) or 1))
        return multiple(domain, min(max(index, found[0]), found[1]))
    return min(max(value, domain.lower), domain.upper)
