"""Population-based training (Jaderberg et al., 2017, arXiv:1711.09846)."""

import random
from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import Field

from trainables.hparams.ranges import Fraction, OpenFraction
from tuner.config.domains import as_range, domain_index_range, domain_step, list_values, value_at
from tuner.schedulers.core.population import Population
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Resume, Scheduler

FractionUpToHalf = Annotated[float, Field(gt=0, le=0.5)]
DEFAULT_INTERVAL, DEFAULT_QUANTILE = 0.125, 0.25
"""Defaults of pbt and pb2: exchange every eighth of the run, a quarter of the trials."""
PERTURB_FACTORS = (0.8, 1.2)
"""Factors that perturb a number, as in the paper."""
POPULATION = True
"""Trials change their knobs during training, so a configuration cannot be repeated."""


def build(
    *,
    fidelity_plan: FidelityPlan,
    searched: Mapping[str, object],
    seed: int,
    interval: OpenFraction = DEFAULT_INTERVAL,
    quantile: FractionUpToHalf = DEFAULT_QUANTILE,
    resample: Fraction = 0.25,
) -> Scheduler:
    """Return a scheduler that resumes the worst from the best's weights, with perturbed knobs.

    Args:
        fidelity_plan: Epochs, number of trials and fidelity of the study.
        searched: Domain of each searched knob by path.
        seed: Seed of all random draws.
        interval: Share of the run between two rungs, at which trials copy from each other.
        quantile: Share of worst trials that copy from best trials, and share of best trials.
        resample: Probability that a knob is redrawn rather than multiplied by 0.8 or 1.2.
    """

    def explore(
        population: Population, resume: Resume, rung: int, rng: random.Random
    ) -> dict[str, object]:
        old = population.rung_knobs[rung][resume.source]
        return {
            path: perturb_value(domain, old[path], resample, rng)
            for path, domain in searched.items()
        }

    return Population(
        fidelity_plan.schedule_rungs(exchange_shares(interval)),
        fidelity_plan.trials,
        quantile,
        explore,
        seed,
    )


def exchange_shares(interval: float) -> list[float]:
    """Return the shares of a run at which trials exchange.

    >>> exchange_shares(0.25)
    [0.25, 0.5, 0.75]
    """
    return [n * interval for n in range(1, round(1 / interval)) if n * interval < 1]


def perturb_value(domain: object, value: object, resample: float, rng: random.Random) -> object:
    """Return another value of a knob: multiplied, the neighbour in a list, or redrawn."""
    if rng.random() < resample:
        return sample_value(domain, rng)
    if (listed := list_values(domain)) is not None:
        index = listed.index(value) + rng.choice((-1, 1))
        return listed[min(max(index, 0), len(listed) - 1)]
    assert isinstance(value, int | float)
    return clip_to_domain(domain, value * rng.choice(PERTURB_FACTORS))


def sample_value(domain: object, rng: random.Random) -> object:
    """Return a value drawn from a domain."""
    if (listed := list_values(domain)) is not None:
        return rng.choice(listed)
    state = np.random.RandomState(rng.randrange(2**32))
    return clip_to_domain(domain, as_range(domain).sample(random_state=state))


def clip_to_domain(domain: object, value: float) -> float:
    """Return the value of a range nearest to a number."""
    if ends := domain_index_range(domain):
        index = round(value / (domain_step(domain) or 1))
        return value_at(domain, min(max(index, ends[0]), ends[1]))
    limits = as_range(domain)
    return min(max(value, limits.lower), limits.upper)
