"""Where trials stand, as gauges that Prometheus reads from Ray."""

import time
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from ray import tune
from ray.tune.experiment import Trial
from ray.util.metrics import Gauge

from tuner.progress import Progress
from tuner.record import Record

EVERY = 5.0
"""Seconds between two reports of a running trial: Ray forgets a gauge that is silent for 20."""
OF_TRIALS: Mapping[str, str] = MappingProxyType({
    "attuner_epoch": "Epochs that a running trial has finished, over all its whole runs.",
    "attuner_clean_accuracy": "Fraction of the validation split, at its last epoch.",
    "attuner_robust_accuracy": "The same under the exam's attack.",
    "attuner_best_robust_accuracy": "The same at its best epoch so far.",
    "attuner_epoch_seconds": "Wall time of its last epoch, examination included.",
})
"""Names and meanings; to Prometheus they are called `ray_attuner_...`."""
OF_STUDIES: Mapping[str, str] = MappingProxyType({
    "attuner_study_best_robust_accuracy": "Robust accuracy of the study's leader at its best.",
    "attuner_study_trials": "Trials of the study by their status.",
})


class Gauges(tune.Callback):
    """Keeps telling of the study and its running trials; of an ended one Ray forgets by itself."""

    def __init__(self, progress: Progress, study: str) -> None:
        """Start with nothing told.

        Args:
            progress: What to tell of.
            study: Its name, the tag `study`.
        """
        self.progress, self.study = progress, study
        self.told_at = -EVERY
        self.trials = {n: Gauge(n, text, ("study", "trial")) for n, text in OF_TRIALS.items()}
        best, counts = OF_STUDIES
        self.best = Gauge(best, OF_STUDIES[best], ("study",))
        self.counts = Gauge(counts, OF_STUDIES[counts], ("study", "status"))

    def __getstate__(self) -> dict[str, object]:
        """Return nothing: Ray pickles its callbacks."""
        return {}

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, object],
        **info: object,
    ) -> None:
        """Tell of an epoch."""
        self.tell(self.progress.records[trial.config["trial"]])

    def on_step_end(self, iteration: int, trials: list[Trial], **info: object) -> None:
        """Tell of everything again, now and then."""
        now = time.monotonic()
        if now - self.told_at >= EVERY:
            self.told_at = now
            self.tell_all()

    def tell_all(self) -> None:
        """Tell of the study and every running trial."""
        for record in self.progress.running:
            self.tell(record)
        if (leader := self.progress.leader) and leader.best:
            self.best.set(leader.best.val_robust_accuracy, {"study": self.study})
        counted = Counter(record.status for record in self.progress.records.values())
        for status, number in counted.items():
            self.counts.set(number, {"study": self.study, "status": status})

    def tell(self, record: Record) -> None:
        """Tell of a trial that has reported."""
        if record.last and record.best:
            tags = {"study": self.study, "trial": record.trial_id}
            values = standing(record)
            for name, gauge in self.trials.items():
                gauge.set(values[name], tags)


def standing(record: Record) -> dict[str, float]:
    """Return the values of the gauges of a trial that has reported."""
    assert record.last is not None
    assert record.best is not None
    return {
        "attuner_epoch": len(record.reports),
        "attuner_clean_accuracy": record.last.val_clean_accuracy,
        "attuner_robust_accuracy": record.last.val_robust_accuracy,
        "attuner_best_robust_accuracy": record.best.val_robust_accuracy,
        "attuner_epoch_seconds": record.last.seconds,
    }
