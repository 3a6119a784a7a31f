"""Estimate the time that a study still takes, from what its scheduler expects to run."""

import heapq
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from trainables.training.fidelity import Level

LAST_ROUNDS = 3
"""Rounds of equal runs that are scheduled one by one; the time of more is multiplied."""
ROUNDING_ERROR = 1e-9


class Runs(Protocol):
    """Equal stretches of training; see `tuner.schedulers.core.future_runs.FutureRuns`."""

    @property
    def count(self) -> float:
        """How many trials run it."""

    @property
    def epochs(self) -> tuple[float, ...]:
        """Its epochs at each level."""

    @property
    def bracket(self) -> int:
        """Index of its bracket."""

    @property
    def stage(self) -> int:
        """Index of the rung at which it ends."""

    @property
    def ready(self) -> float:
        """How many of them need not wait for runs of the stage before."""

    @property
    def completing(self) -> float:
        """Share of them after which a trial is complete."""


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


@dataclass(frozen=True)
class Job:
    """Equal runs on one worker each.

    Attributes:
        count: How many; a fraction is a shorter one.
        seconds: Duration of each.
        place: Bracket and stage. A run that is not ready starts once as many runs of the stage
            before, in the same bracket, have ended as started here.
        ready: How many of them need not wait.
    """

    count: float
    seconds: float
    place: tuple[int, int] = (0, 0)
    ready: float = math.inf


class QueuedRuns:
    """The runs of a job that have not started.

    Attributes:
        job: The job.
        parts: Seconds of each run, and how many runs it stands for.
        n_started: How many have started.
    """

    def __init__(self, job: Job, workers: int) -> None:
        """Divide a job; of many runs, several in a row count as one."""
        self.job, self.n_started = job, 0.0
        whole = math.floor(job.count)
        rounds = max(0, whole // workers - LAST_ROUNDS)
        in_rows = [(rounds * job.seconds, rounds)] * workers if rounds else []
        alone = [(job.seconds, 1.0)] * (whole - rounds * workers)
        rest = job.count - whole
        self.parts = deque([*in_rows, *alone, *([(rest * job.seconds, rest)] if rest else [])])

    def may_start(self, ended: Mapping[tuple[int, int], float]) -> bool:
        """Return whether the next run need not wait, given the number that ended at each place."""
        bracket, stage = self.job.place
        needed = self.n_started + min(1.0, self.parts[0][1]) - self.job.ready
        return needed <= ended.get((bracket, stage - 1), 0.0) + ROUNDING_ERROR

    def start(self) -> tuple[float, float]:
        """Start the next run; return its seconds and how many runs it stands for."""
        seconds, number = self.parts.popleft()
        self.n_started += number
        return seconds, number


def schedule_seconds(jobs: Iterable[Job], workers: int) -> float:
    """Return the time until all runs have ended; a free worker takes the first that may start.

    >>> schedule_seconds([Job(3, 2.0), Job(0.5, 4.0)], workers=2)
    4.0
    >>> schedule_seconds([Job(2, 1.0), Job(1, 5.0, (0, 1), 0)], workers=2)
    6.0

    Args:
        jobs: The runs, those that are preferred first.
        workers: Runs at a time.
    """
    waiting = [QueuedRuns(job, workers) for job in jobs if job.count > 0]
    ended = dict[tuple[int, int], float]()
    running: list[tuple[float, tuple[int, int], float]] = []
    now = 0.0
    while waiting or running:
        free = len(running) < workers
        chosen = next((each for each in waiting if each.may_start(ended)), None) if free else None
        if chosen is None and running:
            now, place, number = heapq.heappop(running)
            ended[place] = ended.get(place, 0.0) + number
            continue
        chosen = chosen or waiting[0]  # expected numbers are fractions: fewer than needed may end
        seconds, number = chosen.start()
        heapq.heappush(running, (now + seconds, chosen.job.place, number))
        if not chosen.parts:
            waiting.remove(chosen)
    return now
