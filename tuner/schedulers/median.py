"""The median stopping rule (Golovin et al., 2017, "Google Vizier")."""

from collections.abc import Mapping
from dataclasses import replace
from statistics import mean, median

from trainables.hparams.ranges import Count, FractionBelowOne
from trainables.training.fidelity import Level
from trainables.training.report import Report
from tuner.schedulers.core.auto_rungs import last_rung
from tuner.schedulers.core.future_runs import (
    FutureRuns,
    Position,
    end_position,
    epochs_between,
)
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Decision, Scheduler

FORMER_VALUES = {"grace": 0.25}


def build(
    *, fidelity_plan: FidelityPlan, grace: FractionBelowOne | None = None, least: Count = 3
) -> Scheduler:
    """Return a scheduler that stops a trial whose best is below the others' median average.

    Args:
        fidelity_plan: Epochs, number of trials and fidelity of the study.
        grace: Share of the epochs before any trial is stopped. `None`: until behind the drop of the
            learning rate or late in the run; none is stopped if the run is too short.
        least: Minimum number of other trials to compare with.
    """
    # the rung of the other fidelities is the length of their short run, and no epoch of the whole
    whole_runs = replace(fidelity_plan, fidelity="epochs")
    share = last_rung(whole_runs) if grace is None else grace
    return MedianStopping(fidelity_plan.plan_levels([]), share, least)


class MedianStopping(Scheduler):
    """Stops a trial whose best value so far is below the median of the others' running averages.

    The averages are those at the same epoch, over all trials that have reached it.
    """

    def __init__(self, levels: tuple[Level, ...], grace: float, least: int) -> None:
        """Create the scheduler without trials.

        Args:
            levels: The runs of a trial, from the cheapest.
            grace: Share of a run before any trial is stopped.
            least: Minimum number of other trials to compare with.
        """
        super().__init__(levels)
        self.grace, self.min_trials = grace, least
        self.curves: dict[tuple[str, int], list[float]] = {}
        self.n_stopped, self.n_judged = 0, 0
        self.stopped_epochs = 0
        self.averages: dict[tuple[int, int], dict[str, float]] = {}

    def on_report(self, trial: str, report: Report, knobs: Mapping[str, object]) -> Decision:
        """Stop a trial whose best value is below the median."""
        curve = self.curves.setdefault((trial, report.level), [])
        curve.append(report.val_robust_accuracy)
        at_epoch = self.averages.setdefault(report.position, {})
        others = [average for other, average in at_epoch.items() if other != trial]
        at_epoch[trial] = mean(curve)
        early = report.epoch <= self.grace * self.levels[report.level].epochs
        if early or len(others) < self.min_trials:
            return "continue"
        if max(curve) >= median(others):
            self.n_judged += report.position == end_position(self.levels)
            return "continue"
        self.n_stopped, self.n_judged = self.n_stopped + 1, self.n_judged + 1
        self.stopped_epochs += report.epoch
        return "stop"

    def future_runs(self, running: Mapping[str, Position], n_new: float) -> list[FutureRuns]:
        """Return the runs of the expected shares that are stopped and that run to the end.

        The first trials have none to be compared with. Of the others, a quarter is stopped after
        the first epochs, as far as nothing else is known.
        """
        share = (self.n_stopped + 1) / (self.n_judged + 4)
        until = self.stopped_epochs / self.n_stopped if self.n_stopped else 0.0
        epochs = self.levels[-1].epochs
        early = round(until) or min(epochs, int(self.grace * epochs) + 1)
        level, end = len(self.levels) - 1, end_position(self.levels)
        runs = []
        for at in running.values():
            # who is beyond where others were stopped is ahead
            risk = share if at[1] < early else 0.0
            short = epochs_between(self.levels, at, (level, max(early, at[1])))
            whole = epochs_between(self.levels, at, end)
            runs.append(FutureRuns(1, mix(short, whole, risk), completing=1 - risk))
        n_started = len({trial for trial, _ in self.curves})
        n_first = min(n_new, max(0, self.min_trials - n_started))
        whole = epochs_between(self.levels, (0, 0), end)
        short = epochs_between(self.levels, (0, 0), (level, early))
        runs.append(FutureRuns(n_first, whole, completing=1))
        runs.append(FutureRuns(n_new - n_first, mix(short, whole, share), completing=1 - share))
        return runs


def mix(one: tuple[float, ...], other: tuple[float, ...], share: float) -> tuple[float, ...]:
    """Return the average of two stretches, the first with a share.

    >>> mix((2, 0), (4, 8), 0.5)
    (3.0, 4.0)
    """
    return tuple(share * a + (1 - share) * b for a, b in zip(one, other, strict=True))
