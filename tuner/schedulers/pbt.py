"""Population-based training (Jaderberg et al., 2017, arXiv:1711.09846)."""

import random
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from trainables.hparams.ranges import Fraction, OpenFraction
from tuner.config.domains import domain_index_range, domain_step, list_values, value_at
from tuner.schedulers.core.population import Population
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Resume, Scheduler

FractionUpToHalf = Annotated[float, Field(gt=0, le=0.5)]
DEFAULT_INTERVAL, DEFAULT_QUANTILE = 0.125, 0.25
"""Where nothing else is said, by those who exchange: every eighth of the run, a quarter each."""
PERTURB_FACTORS = (0.8, 1.2)
"""By which a number is perturbed, as in the paper."""
POPULATION = True
"""Trials change their knobs as they go, so that a configuration is no setting to be run again."""


def build(
    *,
    course: FidelityPlan,
    searched: Mapping[str, object],
    seed: int,
    interval: OpenFraction = DEFAULT_INTERVAL,
    quantile: FractionUpToHalf = DEFAULT_QUANTILE,
    resample: Fraction = 0.25,
) -> Scheduler:
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
        population: Population, taking: Resume, rung: int, rng: random.Random
    ) -> dict[str, object]:
        old = population.rung_knobs[rung][taking.source]
        return {
            path: perturb_value(domain, old[path], resample, rng)
            for path, domain in searched.items()
        }

    return Population(
        course.schedule_rungs(exchange_shares(interval)), course.trials, quantile, explore, seed
    )


def exchange_shares(interval: float) -> list[float]:
    """Return the shares of a run at which trials exchange.

    >>> exchange_shares(0.25)
    [0.25, 0.5, 0.75]
    """
    return [n * interval for n in range(1, round(1 / interval)) if n * interval < 1]


def perturb_value(domain: Any, value: Any, resample: float, rng: random.Random) -> Any:  # noqa: ANN401
    """Return another value of a knob: multiplied, the neighbour in a list, or drawn anew."""
    if rng.random() < resample:
        return sample_value(domain, rng)
    if (listed := list_values(domain)) is not None:
        place = listed.index(value) + rng.choice((-1, 1))
        return listed[min(max(place, 0), len(listed) - 1)]
    return clip_to_domain(domain, value * rng.choice(PERTURB_FACTORS))


def sample_value(domain: Any, rng: random.Random) -> Any:  # noqa: ANN401
    """Return a value drawn from a domain."""
    if (listed := list_values(domain)) is not None:
        return rng.choice(listed)
    return clip_to_domain(
        domain, domain.sample(random_state=np.random.RandomState(rng.randrange(2**32)))
    )


def clip_to_domain(domain: Any, value: float) -> Any:  # noqa: ANN401
    """Return the value of a range that is nearest to a number."""
    if found := domain_index_range(domain):
        index = round(value / (domain_step(domain) or 1))
        return value_at(domain, min(max(index, found[0]), found[1]))
    return min(max(value, domain.lower), domain.upper)
