"""Estimate the time that a study still takes, from what its scheduler expects to run."""

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from trainables.training.fidelity import Level

SEEDS_KEPT = 0.9
"""Share of the configurations in a race that is expected to get yet another seed."""
EXPECTED_RACERS = 3
"""Configurations that are expected to race, at least, while some have not ended."""

LAST_ROUNDS = 8
"""Rounds of equal jobs that are scheduled one by one; the time of more is multiplied."""


class Runs(Protocol):
    """Equal stretches of training; see `tuner.schedulers.core.future_runs.FutureRuns`."""

    @property
    def count(self) -> float:
        """How many trials run it."""

    @property
    def epochs(self) -> tuple[float, ...]:
        """Its epochs at each level."""


class Forecast(Protocol):
    """What is expected to be trained: a scheduler."""

    def future_runs(self, running: Mapping[str, tuple[int, int]], n_new: float) -> Sequence[Runs]:
        """Return what is still to be trained, in order.

        Args:
            running: Level and epoch of each running trial.
            n_new: Number of trials that have not started.
        """


class EpochTimes:
    """Epochs and their seconds, by level."""

    def __init__(self, levels: Sequence[Level]) -> None:
        self.levels = levels
        self.epochs, self.seconds = [0] * len(levels), [0.0] * len(levels)

    def add(self, epochs: Mapping[int, int], seconds: Mapping[int, float]) -> None:
        """Add epochs and seconds of a trial at each level."""
        for level, number in epochs.items():
            self.epochs[level] += number
            self.seconds[level] += seconds[level]

    def epoch_seconds(self) -> list[float] | None:
        """Return the seconds of an epoch at each level; `None` before the first epoch.

        At a level that no trial has reached, they grow with the steps of the training attack.
        """
        known = [level for level, number in enumerate(self.epochs) if number]
        if not known:
            return None
        mean = {level: self.seconds[level] / self.epochs[level] for level in known}
        return [
            mean[level]
            if level in mean
            else mean[known[-1]] * max(1.0, run.attack / self.levels[known[-1]].attack)
            for level, run in enumerate(self.levels)
        ]


def run_seconds(runs: Runs, epoch_seconds: Sequence[float]) -> float:
    """Return the seconds of one of several equal stretches."""
    return sum(n * seconds for n, seconds in zip(runs.epochs, epoch_seconds, strict=True))


def schedule_seconds(jobs: Iterable[tuple[float, float]], workers: int) -> float:
    """Return the time until jobs have ended that start in order on the next free worker.

    A fraction of a job is a shorter one.

    >>> schedule_seconds([(3, 2.0), (0.5, 4.0)], workers=2)
    4.0

    Args:
        jobs: Number and seconds of equal jobs.
        workers: Jobs at a time.
    """
    free_at = [0.0] * workers
    for count, seconds in jobs:
        whole = math.floor(count)
        rounds = max(0, whole // workers - LAST_ROUNDS)
        free_at = [at + rounds * seconds for at in free_at]
        heapq.heapify(free_at)
        rest = whole - rounds * workers
        for length in [*[seconds] * rest, (count - whole) * seconds]:
            heapq.heapreplace(free_at, free_at[0] + length)
    return max(free_at)


def expected_seed_runs(n_racers: int, max_seeds: int, n_begun: int, *, race: bool) -> float:
    """Return how many further seeds are still to be run.

    Args:
        n_racers: Configurations that get a second seed.
        max_seeds: Most seeds of a configuration.
        n_begun: Further seeds that have begun.
        race: Whether fewer configurations get each further seed.
    """
    kept = SEEDS_KEPT if race else 1.0
    due = sum(n_racers * kept**number for number in range(max_seeds - 1))
    return max(0.0, due - n_begun)
