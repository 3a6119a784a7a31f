"""Asynchronous successive halving, its stopping variant (Li et al., 2020, arXiv:1810.05934)."""

from collections.abc import Mapping

import numpy as np

from trainables.training.report import Report
from tuner.schedulers.core.future_runs import FutureRuns, Position, epochs_between
from tuner.schedulers.core.ranking import RungAccuracies, ranking_accuracy
from tuner.schedulers.core.rungs import RungSchedule, TrialPosition
from tuner.schedulers.core.scheduler import Decision, Scheduler

PRIOR_RATIO = 1.5
"""Expected share of trials that continue, before any has, in units of 1 / factor."""
PRIOR_TRIALS = 3
"""How many trials the expected share of trials that continue is worth, beside those seen."""


class AshaStopping(Scheduler):
    """Stops a trial that is not among the best that have reached a rung so far.

    A trial continues if its value is above the 1 - 1/factor quantile of the earlier values. Of
    equal values the earlier trial keeps its place: while all are at chance level, most stop.
    """

    def __init__(self, schedule: RungSchedule, factor: float, *, first_rung: int = 0) -> None:
        """Create the scheduler without trials.

        Args:
            schedule: The rungs.
            factor: One in this many trials continues.
            first_rung: Index of the first rung; earlier ones are skipped.
        """
        super().__init__(schedule.levels, schedule.rungs)
        self.rung_schedule, self.factor, self.first_rung = schedule, factor, first_rung
        self.positions: dict[str, TrialPosition] = {}
        self.n_continued = [0] * len(schedule.rungs)
        self.rung_accuracies = [RungAccuracies() for _ in schedule.rungs]

    def on_start(self, trial: str) -> int:
        """Add a new trial; return the level at which it starts."""
        self.positions[trial] = TrialPosition(self.rung_schedule, self.first_rung)
        return self.rung_schedule.starting_level(self.first_rung)

    def on_report(self, trial: str, report: Report, knobs: Mapping[str, object]) -> Decision:
        """Stop a trial that is not good enough at its rung; between rungs, continue."""
        rung = self.positions[trial].update(report)
        if rung is None:
            return "continue"
        accuracies = self.rung_accuracies[rung]
        accuracies.append(ranking_accuracy(report))
        # copied: an array cannot grow while numpy reads it
        values = np.array(accuracies.values)
        earlier, value = values[:-1], values[-1]
        enough = not len(earlier) or value > np.percentile(earlier, 100 * (1 - 1 / self.factor))
        self.n_continued[rung] += bool(enough)
        return "continue" if enough else "stop"

    def future_runs(self, running: Mapping[str, Position], n_new: float) -> list[FutureRuns]:
        """Return the runs to the next rung, and those of the expected share that continues."""
        schedule, first = self.rung_schedule, self.first_rung
        heading = [0.0] * (len(schedule.rungs) + 1)
        runs = []
        for trial, at in running.items():
            rung = self.positions[trial].rung
            heading[rung] += 1
            runs.append(self.run_to_rung(1, at, rung, 1))
        runs.append(self.run_to_rung(n_new, (schedule.starting_level(first), 0), first, n_new))
        heading[first] += n_new
        continuing = 0.0
        for rung in range(first, len(schedule.rungs)):
            continuing = (continuing + heading[rung]) * self.continuing_share(rung)
            runs.append(self.run_to_rung(continuing, schedule.position(rung), rung + 1, 0))
        return runs

    def run_to_rung(self, count: float, start: Position, rung: int, ready: float) -> FutureRuns:
        """Return equal runs that end at a rung; see `FutureRuns`."""
        stretch = epochs_between(self.levels, start, self.rung_schedule.position(rung))
        completing = float(rung == len(self.rung_schedule.rungs))
        return FutureRuns(count, stretch, stage=rung, ready=ready, completing=completing)

    def continuing_share(self, rung: int) -> float:
        """Return the expected share of the next trials that continues from a rung.

        One in `factor` continues in the long run, but more of the first trials do, and more of a
        searcher that learns. The first trial always continues, so that it says nothing.
        """
        reached = max(0, len(self.rung_accuracies[rung].kept) - 1)
        continued = max(0, self.n_continued[rung] - 1)
        expected = min(1.0, PRIOR_RATIO / self.factor)
        return (continued + PRIOR_TRIALS * expected) / (reached + PRIOR_TRIALS)
