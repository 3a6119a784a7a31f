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

from trainables.ranges import Inside
from tuner.domains import scale, values
from tuner.ladder import Course
from tuner.population import Knobs, Population
from tuner.rule import Rule, Step
from tuner.schedulers.pbt import INTERVAL, QUANTILE, Half, every, within

CANDIDATES = 1000
"""Drawn at random, of which the one with the highest bound is taken."""
POPULATION = True
"""As of pbt."""
Rows = NDArray[np.float64]


def build(
    *,
    course: Course,
    searched: Mapping[str, object],
    seed: int,
    interval: Inside = INTERVAL,
    quantile: Half = QUANTILE,
) -> Rule:
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
        population: Population, step: Step, rung: int, rng: random.Random
    ) -> dict[str, object]:
        return highest(population, rung, searched, np.random.default_rng(rng.randrange(2**32)))

    return Population(course.ladder(every(interval)), course.trials, quantile, explore, seed)


def clashes(searched: Mapping[str, object]) -> Iterator[str]:
    """Yield why knobs cannot be searched so."""
    for path, domain in searched.items():
        if values(domain) is not None:
            yield f"scheduler: pb2 needs a range for {path}; write scheduler=pbt for listed values."


def highest(
    population: Population, rung: int, searched: Mapping[str, object], rng: np.random.Generator
) -> dict[str, object]:
    """Return the knobs that promise most for the stretch after a rung."""
    seen, gained = history(population, rung, searched)
    pending = np.array([placed(knobs, searched) for knobs in population.chosen[rung]])
    drawn = rng.random((CANDIDATES, len(searched)))
    kernel = TV_SquaredExp()  # type: ignore[no-untyped-call]  # in Ray
    gains = standardize(gained)  # type: ignore[no-untyped-call]  # in Ray
    model = GaussianProcessRegressor(kernel, alpha=1e-6, optimizer=None)
    model.fit(seen, gains)
    if len(pending):  # as if they had come to what is expected, so that the next one differs
        extra = timed(pending, rung + 1)
        model.fit(
            np.vstack([seen, extra]),
            np.concatenate([gains, model.predict(extra)]),
        )
    mean, std = model.predict(timed(drawn, rung + 1), return_std=True)
    # the constants of the paper's implementation
    width = math.sqrt(0.2 + max(0.0, math.log(0.4 * len(seen))))
    best = drawn[int(np.argmax(mean + width * std))]
    return {
        path: spread(domain, share)
        for (path, domain), share in zip(searched.items(), best, strict=True)
    }


def history(population: Population, rung: int, searched: Mapping[str, object]) -> tuple[Rows, Rows]:
    """Return time and knobs of each stretch so far (N, 1 + K), and what it added (N,)."""
    rows, gains = [], []
    for number in range(rung + 1):
        for trial, value in population.values[number].items():
            before = population.values[number - 1].get(trial, 0.0) if number else 0.0
            knobs = placed(population.knobs[number][trial], searched)
            rows.append([float(number), *knobs])
            gains.append(value - before)
    return np.array(rows), np.array(gains)


def timed(rows: Rows, time: int) -> Rows:
    """Return rows of knobs with the time before them."""
    return np.hstack([np.full((len(rows), 1), float(time)), rows])


def placed(knobs: Knobs, searched: Mapping[str, object]) -> list[float]:
    """Return where knobs lie in their ranges, from 0 to 1."""
    return [place(domain, knobs[path]) for path, domain in searched.items()]


def ends(domain: Any) -> tuple[float, float, bool]:  # noqa: ANN401
    """Return the ends of a range, and whether it is logarithmic."""
    return domain.lower, domain.upper, isinstance(scale(domain), LogUniform)


def place(domain: object, value: float) -> float:
    """Return where a value lies in a range, from 0 to 1."""
    low, high, log = ends(domain)
    if log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low)


def spread(domain: object, share: float) -> object:
    """Return the value at a place of a range."""
    low, high, log = ends(domain)
    value = low * (high / low) ** share if log else low + share * (high - low)
    return within(domain, value)
