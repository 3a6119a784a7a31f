"""The median stopping rule (Golovin et al., 2017, "Google Vizier")."""

from collections.abc import Mapping
from statistics import mean, median

from trainables.hparams.ranges import Count, FractionBelowOne
from trainables.training.fidelity import Level
from trainables.training.report import Report
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Decision, Scheduler


def build(*, course: FidelityPlan, grace: FractionBelowOne = 0.25, least: Count = 3) -> Scheduler:
    """Return a rule that stops a trial whose best lags behind the others' averages.

    Args:
        course: How far trials may go.
        grace: Share of the epochs before any trial is stopped.
        least: Trials to compare with before any is stopped.
    """
    return MedianStopping(course.plan_levels([]), grace, least)


class MedianStopping(Scheduler):
    """Stops a trial whose best value so far is below the median of the others' running averages.

    The averages are those of the same epoch, over all trials that have come so far.
    """

    def __init__(self, levels: tuple[Level, ...], grace: float, least: int) -> None:
        """Begin with no trial.

        Args:
            levels: The whole runs of a trial.
            grace: Share of a run before a trial is stopped.
            least: Trials to compare with.
        """
        super().__init__(levels)
        self.grace, self.min_trials = grace, least
        self.curves: dict[tuple[str, int], list[float]] = {}
        self.averages: dict[tuple[int, int], dict[str, float]] = {}

    def on_report(self, trial: str, report: Report, knobs: Mapping[str, object]) -> Decision:
        """Return whether a trial keeps up."""
        curve = self.curves.setdefault((trial, report.level), [])
        curve.append(report.val_robust_accuracy)
        at_this = self.averages.setdefault(report.position, {})
        others = [average for other, average in at_this.items() if other != trial]
        at_this[trial] = mean(curve)
        early = report.epoch <= self.grace * self.levels[report.level].epochs
        if early or len(others) < self.min_trials:
            return "continue"
        return "continue" if max(curve) >= median(others) else "stop"
