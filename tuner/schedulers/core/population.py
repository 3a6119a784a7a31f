"""A population of trials: now and then the worst take over from the best, with other knobs."""

import math
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trainables.training.report import Report
from tuner.schedulers.core.rungs import RungSchedule, TrialPosition
from tuner.schedulers.core.scheduler import Decision, Resume, Scheduler

Knobs = Mapping[str, Any]
ExploreFunction = Callable[["Population", Resume, int, random.Random], Knobs]
"""The population, who takes over from whom, at which rung and a source of chance, to new knobs."""


class Population(Scheduler):
    """Population-based training (Jaderberg et al., 2017, arXiv:1711.09846), synchronous.

    All trials wait at each rung; the worst go on from the checkpoints of the best. Where there is
    room and nothing else to do, who is not among the worst so far goes on before all have come.

    Attributes:
        rung_values: Robust accuracy of each trial at each rung.
        rung_knobs: Of each trial in the stretch up to each rung.
        explored: What was explored at each rung.
    """

    def __init__(
        self,
        ladder: RungSchedule,
        trials: int,
        quantile: float,
        explore: ExploreFunction,
        seed: int,
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
        self.rung_schedule, self.n_trials, self.quantile = ladder, trials, quantile
        self.explore, self.seed = explore, seed
        self.positions: dict[str, TrialPosition] = {}
        self.rung_values: list[dict[str, float]] = [{} for _ in ladder.rungs]
        self.rung_knobs: list[dict[str, Knobs]] = [{} for _ in ladder.rungs]
        self.resumed: list[set[str]] = [set() for _ in ladder.rungs]
        self.explored: list[list[Knobs]] = [[] for _ in ladder.rungs]
        self.ended_trials: set[str] = set()

    def on_start(self, trial: str) -> int:
        """Take note of a new trial; return the level that it begins with."""
        self.positions[trial] = TrialPosition(self.rung_schedule)
        return 0

    def on_report(self, trial: str, report: Report, knobs: Knobs) -> Decision:
        """Take note of an epoch; a trial waits at every rung."""
        rung = self.positions[trial].update(report)
        if rung is None or report.has_failed:
            return "continue"
        self.rung_values[rung][trial] = report.val_robust_accuracy
        self.rung_knobs[rung][trial] = dict(knobs)
        return "pause"

    def on_end(self, trial: str) -> None:
        """Take note that a trial will come to no other rung."""
        self.ended_trials.add(trial)

    def next_to_resume(self, *, is_idle: bool) -> Resume | None:
        """Return who goes on: the worst first, while the best still wait with what they have."""
        for rung in reversed(range(len(self.rung_values))):
            waiting = self.rank_trials(rung, self.rung_values[rung].keys() - self.resumed[rung])
            whole = self.is_complete(rung)
            if waiting and (whole or is_idle):
                return self.choose_resume(rung, waiting, complete=whole)
        return None

    def choose_resume(self, rung: int, paused: list[str], *, complete: bool) -> Resume:
        """Return how the worst of those that wait goes on; the best of them if some are missing."""
        few = min(
            math.ceil(self.quantile * len(self.rung_values[rung])), len(self.rung_values[rung]) // 2
        )
        everyone = self.rank_trials(rung, self.rung_values[rung])
        worst, best = everyone[len(everyone) - few :], everyone[:few]
        sources = [trial for trial in best if trial in paused]
        if not complete or paused[-1] not in worst or not sources:
            return Resume(paused[0], paused[0])
        rng = random.Random(f"{self.seed} {paused[-1]} {rung}")
        step = Resume(paused[-1], rng.choice(sources))
        return Resume(step.trial, step.source, self.explore(self, step, rung, rng))

    def on_resume(self, resume: Resume) -> None:
        """Take note that a trial goes for the next rung."""
        rung = self.positions[resume.trial].rung - 1
        self.resumed[rung].add(resume.trial)
        if resume.hyperparameters:
            self.explored[rung].append(resume.hyperparameters)

    def rank_trials(self, rung: int, trials: Iterable[str]) -> list[str]:
        """Return trials that have come to a rung, best first."""
        return sorted(trials, key=lambda trial: (-self.rung_values[rung][trial], trial))

    def is_complete(self, rung: int) -> bool:
        """Return whether all trials that are left have come to a rung."""
        missing = self.ended_trials - self.rung_values[rung].keys()
        return len(self.rung_values[rung]) + len(missing) >= self.n_trials
