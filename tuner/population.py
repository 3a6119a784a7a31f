"""A population of trials: now and then the worst take over from the best, with other knobs."""

import math
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trainables.report import Report
from tuner.ladder import Climber, Ladder
from tuner.rule import Decision, Rule, Step

Knobs = Mapping[str, Any]
Explore = Callable[["Population", Step, int, random.Random], Knobs]
"""The population, who takes over from whom, at which rung and a source of chance, to new knobs."""


class Population(Rule):
    """Population-based training (Jaderberg et al., 2017, arXiv:1711.09846), synchronous.

    All trials wait at each rung; the worst go on from the checkpoints of the best. Where there is
    room and nothing else to do, who is not among the worst so far goes on before all have come.

    Attributes:
        values: Robust accuracy of each trial at each rung.
        knobs: Of each trial in the stretch up to each rung.
        chosen: What was explored at each rung.
    """

    def __init__(
        self, ladder: Ladder, trials: int, quantile: float, explore: Explore, seed: int
    ) -> None:
        """Begin with no trial.

        Args:
            ladder: The rungs.
            trials: How many there will be.
            quantile: Share of the trials that take over, and that are taken over from.
            explore: Draws new knobs.
            seed: Of all chance.
        """
        super().__init__(ladder.levels)
        self.ladder, self.trials, self.quantile = ladder, trials, quantile
        self.explore, self.seed = explore, seed
        self.climbers: dict[str, Climber] = {}
        self.values: list[dict[str, float]] = [{} for _ in ladder.rungs]
        self.knobs: list[dict[str, Knobs]] = [{} for _ in ladder.rungs]
        self.gone: list[set[str]] = [set() for _ in ladder.rungs]
        self.chosen: list[list[Knobs]] = [[] for _ in ladder.rungs]
        self.over: set[str] = set()

    def begins(self, trial: str) -> int:
        """Take note of a new trial; return the level that it begins with."""
        self.climbers[trial] = Climber(self.ladder)
        return 0

    def reported(self, trial: str, report: Report, knobs: Knobs) -> Decision:
        """Take note of an epoch; a trial waits at every rung."""
        rung = self.climbers[trial].sees(report)
        if rung is None or report.broken:
            return "go"
        self.values[rung][trial] = report.val_robust_accuracy
        self.knobs[rung][trial] = dict(knobs)
        return "wait"

    def ended(self, trial: str) -> None:
        """Take note that a trial will come to no other rung."""
        self.over.add(trial)

    def next(self, *, idle: bool) -> Step | None:
        """Return who goes on: the worst first, while the best still wait with what they have."""
        for rung in reversed(range(len(self.values))):
            waiting = self.ranked(rung, self.values[rung].keys() - self.gone[rung])
            whole = self.complete(rung)
            if waiting and (whole or idle):
                return self.step(rung, waiting, whole=whole)
        return None

    def step(self, rung: int, waiting: list[str], *, whole: bool) -> Step:
        """Return how the worst of those that wait goes on; the best of them if some are missing."""
        few = min(math.ceil(self.quantile * len(self.values[rung])), len(self.values[rung]) // 2)
        everyone = self.ranked(rung, self.values[rung])
        worst, best = everyone[len(everyone) - few :], everyone[:few]
        sources = [trial for trial in best if trial in waiting]
        if not whole or waiting[-1] not in worst or not sources:
            return Step(waiting[0], waiting[0])
        rng = random.Random(f"{self.seed} {waiting[-1]} {rung}")
        step = Step(waiting[-1], rng.choice(sources))
        return Step(step.trial, step.source, self.explore(self, step, rung, rng))

    def went_on(self, step: Step) -> None:
        """Take note that a trial goes for the next rung."""
        rung = self.climbers[step.trial].rung - 1
        self.gone[rung].add(step.trial)
        if step.knobs:
            self.chosen[rung].append(step.knobs)

    def ranked(self, rung: int, trials: Iterable[str]) -> list[str]:
        """Return trials that have come to a rung, best first."""
        return sorted(trials, key=lambda trial: (-self.values[rung][trial], trial))

    def complete(self, rung: int) -> bool:
        """Return whether all trials that are left have come to a rung."""
        missing = self.over - self.values[rung].keys()
        return len(self.values[rung]) + len(missing) >= self.trials
