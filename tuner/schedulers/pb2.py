"""Population-based bandits (Parker-Holder et al., 2020, arXiv:2002.02518)."""

import math
import random
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from ray.tune.schedulers.pb2_utils import TV_SquaredExp, standardize
from sklearn.gaussian_process import GaussianProcessRegressor

from trainables.hparams.ranges import OpenFraction
from tuner.config.domains import list_values
from tuner.schedulers.core.knob_features import domain_bounds, normalise_value
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
"""Random candidates; the one with the highest bound is used."""
POPULATION = True
"""See `pbt.POPULATION`."""
Matrix = NDArray[np.float64]


def build(
    *,
    fidelity_plan: FidelityPlan,
    searched: Mapping[str, object],
    seed: int,
    interval: OpenFraction = DEFAULT_INTERVAL,
    quantile: FractionUpToHalf = DEFAULT_QUANTILE,
) -> Scheduler:
    """Return a scheduler that resumes the worst from the best's weights, with knobs of a bandit.

    A time-varying Gaussian process predicts from knobs how much robust accuracy an interval adds.
    The candidate with the highest upper confidence bound is used.

    Args:
        fidelity_plan: Epochs, number of trials and fidelity of the study.
        searched: Domain of each searched knob by path; each a range of numbers.
        seed: Seed of all random draws.
        interval: Share of the run between two rungs, at which trials copy from each other.
        quantile: Share of worst trials that copy from best trials, and share of best trials.
    """

    def explore(
        population: Population, resume: Resume, rung: int, rng: random.Random
    ) -> dict[str, object]:
        return propose_knobs(
            population, rung, searched, np.random.default_rng(rng.randrange(2**32))
        )

    return Population(
        fidelity_plan.schedule_rungs(exchange_shares(interval)),
        fidelity_plan.trials,
        quantile,
        explore,
        seed,
    )


def conflicts(searched: Mapping[str, object]) -> Iterator[str]:
    """Yield why pb2 cannot search these knobs."""
    for path, domain in searched.items():
        if list_values(domain) is not None:
            yield f"scheduler: pb2 needs a range for {path}; write scheduler=pbt for listed values."


def propose_knobs(
    population: Population, rung: int, searched: Mapping[str, object], rng: np.random.Generator
) -> dict[str, object]:
    """Return the most promising knobs for the interval after a rung."""
    seen, gained = collect_gains(population, rung, searched)
    pending = np.array([normalise_knobs(knobs, searched) for knobs in population.explored[rung]])
    drawn = rng.random((N_CANDIDATES, len(searched)))
    kernel = TV_SquaredExp()
    gains = standardize(gained)
    model = GaussianProcessRegressor(kernel, alpha=1e-6, optimizer=None)
    model.fit(seen, gains)
    if len(pending):  # assume their predicted gain, so that the next proposal differs
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
        path: denormalise_value(domain, float(share))  # YAML does not take numpy's numbers
        for (path, domain), share in zip(searched.items(), best, strict=True)
    }


def collect_gains(
    population: Population, rung: int, searched: Mapping[str, object]
) -> tuple[Matrix, Matrix]:
    """Return time and knobs of each interval so far (N, 1 + K), and its gain (N,)."""
    rows, gains = [], []
    for number in range(rung + 1):
        for trial, value in population.rung_values[number].items():
            before = population.rung_values[number - 1].get(trial, 0.0) if number else 0.0
            knobs = normalise_knobs(population.rung_knobs[number][trial], searched)
            rows.append([float(number), *knobs])
            gains.append(value - before)
    return np.array(rows), np.array(gains)


def prepend_time(rows: Matrix, time: int) -> Matrix:
    """Return rows of knobs (N, K) with the time as first column."""
    return np.hstack([np.full((len(rows), 1), float(time)), rows])


def normalise_knobs(knobs: Knobs, searched: Mapping[str, object]) -> list[float]:
    """Return the positions of knobs in their ranges, from 0 to 1."""
    return [normalise_value(domain, knobs[path]) for path, domain in searched.items()]


def denormalise_value(domain: object, share: float) -> object:
    """Return the value at a position, from 0 to 1, of a range."""
    low, high, log = domain_bounds(domain)
    value = low * (high / low) ** share if log else low + share * (high - low)
    return clip_to_domain(domain, value)
