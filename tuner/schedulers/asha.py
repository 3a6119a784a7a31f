"""Asynchronous successive halving, its stopping variant (Li et al., 2020, arXiv:1810.05934)."""

from array import array
from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import Field

from trainables.hparams.ranges import Count, Fraction
from trainables.training.report import Report
from tuner.schedulers.core.brackets import Brackets
from tuner.schedulers.core.rungs import FidelityPlan, RungSchedule, TrialPosition
from tuner.schedulers.core.scheduler import Decision, Scheduler

ReductionFactor = Annotated[float, Field(gt=1)]


def build(
    *,
    course: FidelityPlan,
    grace: Fraction = 0.5,
    reduction_factor: ReductionFactor = 3,
    brackets: Count = 1,
) -> Scheduler:
    """Return a scheduler that continues, at each rung, the best trials so far.

    Args:
        course: Epochs, number of trials and fidelity of the study.
        grace: Share of the epochs before the first rung. Early ranks are unreliable: with the
            embedded digits the rank correlation with the end is 0.53 at a quarter of the run and
            0.92 at half of it.
        reduction_factor: One in this many trials continues; each rung is this many times later.
        brackets: Number of brackets; those of later brackets have a later first rung.
    """
    schedule = course.schedule_rungs(rung_shares(max(grace, 1 / course.epochs), reduction_factor))
    number = min(brackets, max(1, len(schedule.rungs)))
    # trials of a bracket with more rungs are cheaper, so it gets more of them
    shares = [max(1, len(schedule.rungs) - first) for first in range(number)]
    schedulers = [
        AshaStopping(schedule, reduction_factor, first_rung=first) for first in range(number)
    ]
    return Brackets(schedulers, shares) if number > 1 else schedulers[0]


def rung_shares(first: float, factor: float) -> list[float]:
    """Return the rungs of a run, as shares of it.

    >>> rung_shares(0.1, 3)
    [0.1, 0.3, 0.9]
    """
    shares = []
    while first < 1:
        shares.append(round(first, 9))
        first *= factor
    return shares


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
        super().__init__(schedule.levels)
        self.rung_schedule, self.factor, self.first_rung = schedule, factor, first_rung
        self.positions: dict[str, TrialPosition] = {}
        self.rung_values = [
            array("d") for _ in schedule.rungs
        ]  # numpy reads an array without a copy

    def on_start(self, trial: str) -> int:
        """Add a new trial; return the level at which it starts."""
        self.positions[trial] = TrialPosition(self.rung_schedule, self.first_rung)
        return self.rung_schedule.starting_level(self.first_rung)

    def on_report(self, trial: str, report: Report, knobs: Mapping[str, object]) -> Decision:
        """Stop a trial that is not good enough at its rung; between rungs, continue."""
        rung = self.positions[trial].update(report)
        if rung is None:
            return "continue"
        earlier, value = self.rung_values[rung], report.val_robust_accuracy
        enough = not earlier or value > np.percentile(earlier, 100 * (1 - 1 / self.factor))
        earlier.append(value)
        return "continue" if enough else "stop"
