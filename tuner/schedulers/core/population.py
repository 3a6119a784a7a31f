"""A population of trials: at each rung the worst copy the best, with other knobs."""

import math
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trainables.training.report import Report
from tuner.schedulers.core.future_runs import FutureRuns, Position, epochs_between
from tuner.schedulers.core.ranking import RungAccuracies, ranking_accuracy
from tuner.schedulers.core.rungs import RungSchedule, TrialPosition
from tuner.schedulers.core.scheduler import Decision, Resume, Scheduler

Knobs = Mapping[str, Any]
ExploreFunction = Callable[["Population", Resume, int, random.Random], Knobs]
"""From the population, the resumed trial, the rung and a random generator to new knobs."""


class Population(Scheduler):
    """Population-based training (Jaderberg et al., 2017, arXiv:1711.09846), synchronous.

    All trials pause at each rung; the worst resume from checkpoints of the best. If a slot is idle,
    the best paused trial resumes before the rung is complete.

    Attributes:
        rung_values: Robust accuracy of each trial at each rung.
        rung_knobs: Knobs of each trial in the interval before each rung.
        explored: Knobs proposed at each rung.
    """

    def __init__(
        self,
        schedule: RungSchedule,
        trials: int,
        quantile: float,
        explore: ExploreFunction,
        seed: int,
    ) -> None:
        """Create the scheduler without trials.

        Args:
            schedule: The rungs.
            trials: Number of trials of the study.
            quantile: Share of worst trials that copy from best trials, and share of best trials.
            explore: Proposes new knobs.
            seed: Seed of all random draws.
        """
        super().__init__(schedule.levels, schedule.rungs)
        self.rung_schedule, self.n_trials, self.quantile = schedule, trials, quantile
        self.explore, self.seed = explore, seed
        self.positions: dict[str, TrialPosition] = {}
        self.rung_accuracies = [RungAccuracies() for _ in schedule.rungs]
        self.rung_values: list[dict[str, float]] = [{} for _ in schedule.rungs]
        self.rung_knobs: list[dict[str, Knobs]] = [{} for _ in schedule.rungs]
        self.resumed: list[set[str]] = [set() for _ in schedule.rungs]
        self.explored: list[list[Knobs]] = [[] for _ in schedule.rungs]
        self.ended_trials: set[str] = set()

    def on_start(self, trial: str) -> int:
        """Add a new trial; return the level at which it starts."""
        self.positions[trial] = TrialPosition(self.rung_schedule)
        return 0

    def on_report(self, trial: str, report: Report, knobs: Knobs) -> Decision:
        """Record an epoch; pause the trial at each rung."""
        rung = self.positions[trial].update(report)
        if rung is None or report.has_failed:
            return "continue"
        accuracies, values = self.rung_accuracies[rung], self.rung_values[rung]
        accuracies.append(ranking_accuracy(report))
        trials = dict.fromkeys([*values, trial])
        values.update(zip(trials, accuracies.values, strict=True))
        self.rung_knobs[rung][trial] = dict(knobs)
        return "pause"

    def on_end(self, trial: str) -> None:
        """Record that a trial will reach no other rung."""
        self.ended_trials.add(trial)

    def next_to_resume(self, *, is_idle: bool) -> Resume | None:
        """Return the trial to resume: the worst first, while the best are still paused."""
        for rung in reversed(range(len(self.rung_values))):
            paused = self.rank_trials(rung, self.rung_values[rung].keys() - self.resumed[rung])
            complete = self.is_complete(rung)
            if paused and (complete or is_idle):
                return self.choose_resume(rung, paused, complete=complete)
        return None

    def choose_resume(self, rung: int, paused: list[str], *, complete: bool) -> Resume:
        """Return how the worst paused trial resumes; the best one if the rung is incomplete."""
        n_exchanged = min(
            math.ceil(self.quantile * len(self.rung_values[rung])), len(self.rung_values[rung]) // 2
        )
        ranking = self.rank_trials(rung, self.rung_values[rung])
        worst, best = ranking[len(ranking) - n_exchanged :], ranking[:n_exchanged]
        sources = [trial for trial in best if trial in paused]
        if not complete or paused[-1] not in worst or not sources:
            return Resume(paused[0], paused[0])
        rng = random.Random(f"{self.seed} {paused[-1]} {rung}")
        resume = Resume(paused[-1], rng.choice(sources))
        return Resume(resume.trial, resume.source, self.explore(self, resume, rung, rng))

    def on_resume(self, resume: Resume) -> None:
        """Record that a trial has resumed towards the next rung."""
        rung = self.positions[resume.trial].rung - 1
        self.resumed[rung].add(resume.trial)
        if resume.hyperparameters:
            self.explored[rung].append(resume.hyperparameters)

    def future_runs(self, running: Mapping[str, Position], n_new: float) -> list[FutureRuns]:
        """Return the runs to the next rung, and those of all trials between later rungs."""
        schedule = self.rung_schedule
        runs = [
            FutureRuns(
                1, epochs_between(self.levels, at, schedule.position(self.positions[trial].rung))
            )
            for trial, at in running.items()
        ]
        runs.append(FutureRuns(n_new, epochs_between(self.levels, (0, 0), schedule.position(0))))
        for rung, resumed in enumerate(self.resumed):
            missing = self.ended_trials - self.rung_values[rung].keys()
            stretch = epochs_between(
                self.levels, schedule.position(rung), schedule.position(rung + 1)
            )
            count = self.n_trials - len(missing) - len(resumed)
            is_last = rung + 1 == len(self.resumed)
            runs.append(FutureRuns(count, stretch, completing=float(is_last)))
        return runs

    def rank_trials(self, rung: int, trials: Iterable[str]) -> list[str]:
        """Return trials that have reached a rung, best first."""
        return sorted(trials, key=lambda trial: (-self.rung_values[rung][trial], trial))

    def is_complete(self, rung: int) -> bool:
        """Return whether all remaining trials have reached a rung."""
        missing = self.ended_trials - self.rung_values[rung].keys()
        return len(self.rung_values[rung]) + len(missing) >= self.n_trials
