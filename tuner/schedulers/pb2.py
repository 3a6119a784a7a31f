"""Population-based bandits (Parker-Holder et al., 2020, arXiv:2002.02518)."""

import math
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray.tune.schedulers.pb2_utils import TV_SquaredExp, standardize
from ray.tune.search.sample import LogUniform
from sklearn.gaussian_process import GaussianProcessRegressor

from trainables.hparams.ranges import OpenFraction
from tuner.config.domains import base_sampler, list_values
from tuner.schedulers.core.population import Knobs, Population
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Resume, Scheduler
from tuner.schedulers.pbt import (
    DEFAULT_INTERVAL,
    DEFAULT_QUANTILE,
    FractionUpToHalf,
    clip_to_domain,
    exchange_shares,
)

N_CANDIDATES = 1000
"""Drawn at random, of which the one with the highest bound is taken."""
POPULATION = True
"""As of pbt."""
Matrix = NDArray[np.float64]


def build(
    *,
    course: FidelityPlan,
    searched: Mapping[str, object],
    seed: int,
    interval: OpenFraction = DEFAULT_INTERVAL,
    quantile: FractionUpToHalf = DEFAULT_QUANTILE,
) -> Scheduler:
    """Return a rule by which the worst go on from the best's weights, with knobs of a bandit's.

    A Gaussian process that forgets with time learns from knobs how much robust accuracy a stretch
    adds; of new knobs those with the highest upper confidence bound are taken.

    Args:
        course: How far trials may go.
        searched: Domain of each searched knob by path; ranges of numbers.
        seed: Of all chance.
        interval: Share of the run between two exchanges.
        quantile: Share of the trials that take over, and that are taken over from.
    """

    def explore(
        population: Population, step: Resume, rung: int, rng: random.Random
    ) -> dict[str, object]:
        return propose_knobs(
            population, rung, searched, np.random.default_rng(rng.randrange(2**32))
        )

    return Population(
        course.schedule_rungs(exchange_shares(interval)), course.trials, quantile, explore, seed
    )


def conflicts(searched: Mapping[str, object]) -> Iterator[str]:
    """Yield why knobs cannot be searched so."""
    for path, domain in searched.items():
        if list_values(domain) is not None:
            yield f"scheduler: pb2 needs a range for {path}; write scheduler=pbt for listed values."


def propose_knobs(
    population: Population, rung: int, searched: Mapping[str, object], rng: np.random.Generator
) -> dict[str, object]:
    """Return the knobs that promise most for the stretch after a rung."""
    seen, gained = collect_gains(population, rung, searched)
    pending = np.array([normalise_knobs(knobs, searched) for knobs in population.explored[rung]])
    drawn = rng.random((N_CANDIDATES, len(searched)))
    kernel = TV_SquaredExp()  # type: ignore[no-untyped-call]  # in Ray
    gains = standardize(gained)  # type: ignore[no-untyped-call]  # in Ray
    model = GaussianProcessRegressor(kernel, alpha=1e-6, optimizer=None)
    model.fit(seen, gains)
    if len(pending):  # as if they had come to what is expected, so that the next one differs
        extra = prepend_time(pending, rung + 1)
        model.fit(
            np.vstack([seen, extra]),
            np.concatenate([gains, model.predict(extra)]),
        )
    mean, std = model.predict(prepend_time(drawn, rung + 1), return_std=True)
    # the constants of the paper's implementation
    width = math.sqrt(0.2 + max(0.0, math.log(0.4 * len(seen))))
    best = drawn[int(np.argmax(mean + width * std))]
    return {
        path: denormalise_value(domain, share)
        for (path, domain), share in zip(searched.items(), best, strict=True)
    }


def collect_gains(
    population: Population, rung: int, searched: Mapping[str, object]
) -> tuple[Matrix, Matrix]:
    """Return time and knobs of each stretch so far (N, 1 + K), and what it added (N,)."""
    rows, gains = [], []
    for number in range(rung + 1):
        for trial, value in population.rung_values[number].items():
            before = population.rung_values[number - 1].get(trial, 0.0) if number else 0.0
            knobs = normalise_knobs(population.rung_knobs[number][trial], searched)
            rows.append([float(number), *knobs])
            gains.append(value - before)
    return np.array(rows), np.array(gains)


def prepend_time(rows: Matrix, time: int) -> Matrix:
    """Return rows of knobs with the time before them."""
    return np.hstack([np.full((len(rows), 1), float(time)), rows])


def normalise_knobs(knobs: Knobs, searched: Mapping[str, object]) -> list[float]:
    """Return where knobs lie in their ranges, from 0 to 1."""
    return [normalise_value(domain, knobs[path]) for path, domain in searched.items()]


def domain_bounds(domain: Any) -> tuple[float, float, bool]:  # noqa: ANN401
    """Return the ends of a range, and whether it is logarithmic."""
    return domain.lower, domain.upper, isinstance(base_sampler(domain), LogUniform)


def normalise_value(domain: object, value: float) -> float:
    """Return where a value lies in a range, from 0 to 1."""
    low, high, log = domain_bounds(domain)
    if log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low)


def denormalise_value(domain: object, share: float) -> object:
    """Return the value at a place of a range."""
    low, high, log = domain_bounds(domain)
    value = low * (high / low) ** share if log else low + share * (high - low)
    return clip_to_domain(domain, value)
