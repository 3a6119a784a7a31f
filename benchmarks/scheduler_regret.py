"""Regret against cost of replayed studies, beside random search at the same cost."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypedDict

import numpy as np
import optuna
from numpy.typing import NDArray
from ray import tune

from tuner.config.plan import Variant
from tuner.replay.compare import run_best_after_one_epoch
from tuner.replay.recordings import Archive, Recording
from tuner.replay.simulate import Replay, ReplayPoint, select_last_level
from tuner.schedulers.core.scheduler import Scheduler

GRID = np.arange(1, 201) / 200
"""Costs, as shares of training all runs to their end, at which regret is looked up."""
SHOWN_COSTS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
FIRST_COST = 0.05
"""Cost from which a curve is compared with random search: below, few runs have ended."""
TOLERANCE = 1e-9
EMPTY_VARIANTS = (Variant(label="", fixed={}, searched={"data.crop": tune.randint(0, 4)}),)
"""A knob that no run knows, so that runs are met in their order."""
Curves = NDArray[np.float64]
"""Regret in points: one row per order, one column per cost of `GRID`."""
Quantiles = dict[str, float]
"""Median, quartiles and 90 % quantile."""
Sampler = Callable[[int], optuna.samplers.BaseSampler]


class RegretSummary(TypedDict):
    """The result of a contender.

    Attributes:
        cost: Median cost of the study, as a share of training all runs.
        regret: At its end, in points.
        random_at_that_cost: Regret of random search.
        speed_up: The cost at which random search reaches the median regret, divided by the own.
        most_above_random: Largest difference of the medians at an equal cost; `None`: unknown.
        curve: Regret at some costs.
    """

    cost: float
    regret: Quantiles
    random_at_that_cost: Quantiles
    speed_up: float | None
    most_above_random: float | None
    curve: dict[str, Quantiles]


def random_sampler(seed: int) -> optuna.samplers.BaseSampler:
    """Return a sampler that draws at random."""
    return optuna.samplers.RandomSampler(seed=seed)


def replay(
    archive: Archive,
    scheduler: Scheduler,
    order: int,
    *,
    variants: Sequence[Variant] = EMPTY_VARIANTS,
    sampler: Sampler = random_sampler,
    workers: int = 1,
) -> Iterator[ReplayPoint]:
    """Yield the states of a replayed study of all runs."""
    count = len(archive.runs)
    study = Replay(archive, variants, sampler, scheduler, count, is_grid=False, order=order)
    yield from study.simulate(workers)


def one_epoch_then_best(archive: Archive, order: int) -> Iterator[ReplayPoint]:
    """Yield the states of a study that trains all for one epoch, then the best to their ends."""
    runs = shuffled_complete_runs(archive, order)
    yield from run_best_after_one_epoch(runs, full_cost(archive))


def sample_random_search(archive: Archive, orders: int) -> Curves:
    """Return the regret of random search, which trains one run after the other to its end."""
    runs = [
        np.array([report.val_robust_accuracy for report in run.reports])
        for run in select_last_level(archive)
    ]
    top = max(run.best_accuracy for run in archive.runs)
    curves = []
    for order in range(orders):
        shuffled = random.Random(order).sample(runs, len(runs))
        best = np.maximum.accumulate(np.concatenate(shuffled))
        spent = np.floor(GRID * len(best) + TOLERANCE).astype(int)
        curves.append(100 * (top - np.where(spent > 0, best[np.maximum(spent, 1) - 1], 0.0)))
    return np.array(curves)


def shuffled_complete_runs(archive: Archive, order: int) -> list[Recording]:
    """Return the complete runs in random order."""
    runs = list(select_last_level(archive))
    random.Random(order).shuffle(runs)
    return runs


def full_cost(archive: Archive) -> int:
    """Return the epochs of all complete runs."""
    return sum(len(run.reports) for run in select_last_level(archive))


def trace(archive: Archive, points: Iterable[ReplayPoint]) -> tuple[NDArray[np.float64], float]:
    """Return the regret of a study at each cost of `GRID`, and its whole cost as a share."""
    full, top = full_cost(archive), max(run.best_accuracy for run in archive.runs)
    costs, regrets = [0.0], [100 * top]
    for point in points:
        regret = 100 * (top - point.best_accuracy)
        if regret < regrets[-1]:
            costs.append(point.cost / full)
            regrets.append(regret)
        last = point.cost / full
    at = np.searchsorted(np.array(costs), GRID + TOLERANCE, side="right") - 1
    return np.array(regrets)[at], last


def measure(
    archive: Archive, run: Callable[[int], Iterable[ReplayPoint]], chance: Curves, orders: int
) -> RegretSummary:
    """Return the result of a contender beside that of random search.

    Args:
        archive: The runs.
        run: From the number of an order to the states of the replayed study.
        chance: Regret of random search.
        orders: How many orders are replayed.
    """
    traced = [trace(archive, run(order)) for order in range(orders)]
    curves, costs = np.array([curve for curve, _ in traced]), np.array([c for _, c in traced])
    cost = float(np.median(costs))
    end = min(len(GRID), max(1, int(np.ceil(cost / GRID[0] - TOLERANCE)))) - 1
    median, by_chance = np.median(curves, axis=0), np.median(chance, axis=0)
    compared = (GRID >= FIRST_COST) & (np.arange(len(GRID)) <= end)
    excess = float((median - by_chance)[compared].max()) if compared.any() else None
    return {
        "cost": round(cost, 3),
        "regret": quantiles(curves[:, end]),
        "random_at_that_cost": quantiles(chance[:, end]),
        "speed_up": speed_up(median[: end + 1], by_chance),
        "most_above_random": None if excess is None else round(excess, 2),
        "curve": describe_curve(curves[:, : end + 1]),
    }


def speed_up(median: NDArray[np.float64], by_chance: NDArray[np.float64]) -> float | None:
    """Return the cost at which random search reaches a median regret, divided by the own cost.

    The regret is that of the end; both costs are the first at which it is reached.
    """
    reached = by_chance <= median[-1] + TOLERANCE
    own = GRID[int(np.argmax(median <= median[-1] + TOLERANCE))]
    return round(float(GRID[int(np.argmax(reached))] / own), 2) if reached.any() else None


def describe_curve(curves: Curves) -> dict[str, Quantiles]:
    """Return the quantiles of the regret at the shown costs."""
    shown = {cost: round(cost / GRID[0]) - 1 for cost in SHOWN_COSTS}
    return {
        f"{cost:.0%}": quantiles(curves[:, at])
        for cost, at in shown.items()
        if at < curves.shape[1]
    }


def quantiles(values: NDArray[np.float64]) -> Quantiles:
    """Return median, quartiles and the 90 % quantile."""
    shares = {"median": 0.5, "low": 0.25, "high": 0.75, "90 %": 0.9}
    return {name: round(float(np.quantile(values, share)), 2) for name, share in shares.items()}
