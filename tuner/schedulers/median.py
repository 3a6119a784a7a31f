"""The median stopping rule (Golovin et al., 2017, "Google Vizier")."""

from collections.abc import Mapping
from statistics import mean, median

from trainables.hparams.ranges import Count, FractionBelowOne
from trainables.training.fidelity import Level
from trainables.training.report import Report
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Decision, Scheduler


def build(*, course: FidelityPlan, grace: FractionBelowOne = 0.25, least: Count = 3) -> Scheduler:
    """Return a scheduler that stops a trial whose best is below the others' median average.

    Args:
        course: Epochs, number of trials and fidelity of the study.
        grace: Share of the epochs before any trial is stopped.
        least: Least number of other trials to compare with.
    """
    return MedianStopping(course.plan_levels([]), grace, least)


class MedianStopping(Scheduler):
    """Stops a trial whose best value so far is below the median of the others' running averages.

    The averages are those at the same epoch, over all trials that have reached it.
    """

    def __init__(self, levels: tuple[Level, ...], grace: float, least: int) -> None:
        """Create the scheduler without trials.

        Args:
            levels: The runs of a trial, from the cheapest.
            grace: Share of a run before any trial is stopped.
            least: Least number of other trials to compare with.
        """
        super().__init__(levels)
        self.grace, self.min_trials = grace, least
        self.curves: dict[tuple[str, int], list[float]] = {}
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
        return "continue" if max(curve) >= median(others) else "stop"
