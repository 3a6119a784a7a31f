"""Which accuracy ranks the trials at a rung: that of the trained network, or of its average.

An average is kept for its end. While its first networks still count, it says nothing: over the 60
averaged runs of FastAT_Benchmark (arXiv:2604.22853) the best of the averages at half time has a
rank correlation of -0.14 with their best at the end, and that of the trained networks 0.79. From
two thirds of the run on the average is the better predictor: 0.94 against 0.85.
`python -m benchmarks.ranking` measures this.
"""

from array import array
from dataclasses import dataclass

from trainables.training.report import Report

MIN_HORIZONS = 12.0
"""Horizons of the average (`Report.average_horizons`) from which on it ranks. The best on half of
FastAT's methods is 11.5, on the other half 13. An average with a warm-up has left its first
networks behind after some ten steps."""


@dataclass(frozen=True)
class RankingAccuracy:
    """Robust accuracies of a trial, as fractions.

    Attributes:
        kept: Of the network that is saved, an average or not.
        trained: Of the network in training; `None`: unknown.
        lags: Whether the average lags too far behind to rank.
    """

    kept: float = 0.0
    trained: float | None = None
    lags: bool = False

    def best_with(self, later: "RankingAccuracy") -> "RankingAccuracy":
        """Return the best so far, after a later epoch."""
        known = [each for each in (self.trained, later.trained) if each is not None]
        return RankingAccuracy(
            max(self.kept, later.kept), max(known, default=None), lags=later.lags
        )


def ranking_accuracy(report: Report, min_horizons: float = MIN_HORIZONS) -> RankingAccuracy:
    """Return the accuracies of an epoch that rank its trial.

    Without an average, and in older studies, both are that of the network that is saved.

    Args:
        report: The epoch.
        min_horizons: Horizons before which an average lags.
    """
    kept, horizons = report.val_robust_accuracy, report.average_horizons
    trained = kept if horizons is None else report.val_robust_accuracy_raw
    return RankingAccuracy(kept, trained, lags=horizons is not None and horizons < min_horizons)


class RungAccuracies:
    """The accuracies of the trials that have reached a rung, in this order, of one kind for all.

    They are those of the trained networks if the average of any trial lags: averages that have
    caught up are some points above them.
    """

    def __init__(self) -> None:
        # compact: a study may have many thousand trials
        self.kept, self.trained = array("d"), array("d")
        self.any_lags, self.all_known = False, True

    @property
    def use_trained(self) -> bool:
        """Whether the trained networks rank."""
        return self.any_lags and self.all_known

    @property
    def values(self) -> "array[float]":
        """One accuracy per trial."""
        return self.trained if self.use_trained else self.kept

    def append(self, accuracy: RankingAccuracy) -> bool:
        """Add a trial; return whether the values of the earlier ones are others now."""
        before = self.use_trained
        self.any_lags |= accuracy.lags
        self.all_known &= accuracy.trained is not None
        self.kept.append(accuracy.kept)
        self.trained.append(accuracy.kept if accuracy.trained is None else accuracy.trained)
        return before != self.use_trained
