"""Progress of trials as gauges that Prometheus reads from Ray."""

import time
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from ray import tune
from ray.tune.experiment import Trial
from ray.util.metrics import Gauge

from tuner.state.study import StudyProgress
from tuner.state.trial import Record

UPDATE_SECONDS = 5.0
"""Seconds between two updates of a running trial: Ray drops a gauge after 20 s without one."""
TRIAL_GAUGES: Mapping[str, str] = MappingProxyType({
    "attuner_epoch": "Epochs that a running trial has finished, over all its whole runs.",
    "attuner_clean_accuracy": "Fraction of the validation split, at its last epoch.",
    "attuner_robust_accuracy": "The same under the validation attack.",
    "attuner_best_robust_accuracy": "The same at its best epoch so far.",
    "attuner_epoch_seconds": "Wall time of its last epoch, validation included.",
})
"""Descriptions by name; Prometheus sees the names as `ray_attuner_...`."""
STUDY_GAUGES: Mapping[str, str] = MappingProxyType({
    "attuner_study_best_robust_accuracy": "Robust accuracy of the study's leader at its best.",
    "attuner_study_trials": "Trials of the study by their status.",
})


class PrometheusCallback(tune.Callback):
    """Updates gauges of the study and its running trials; Ray drops those of ended trials."""

    def __init__(self, progress: StudyProgress, study_name: str) -> None:
        """Create the gauges.

        Args:
            progress: The study.
            study_name: Name of the study, the tag `study`.
        """
        # Ray's gauges accept ASCII only
        ascii_name = study_name.encode("ascii", "backslashreplace").decode()
        self.progress, self.study_name = progress, ascii_name
        self.updated_at = -UPDATE_SECONDS
        self.trial_gauges = {
            n: Gauge(n, text, ("study", "trial")) for n, text in TRIAL_GAUGES.items()
        }
        best, counts = STUDY_GAUGES
        self.best_gauge = Gauge(best, STUDY_GAUGES[best], ("study",))
        self.status_gauge = Gauge(counts, STUDY_GAUGES[counts], ("study", "status"))

    def __getstate__(self) -> dict[str, object]:
        """Return no state: Ray pickles its callbacks."""
        return {}

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, object],
        **info: object,
    ) -> None:
        """Update the gauges of a trial."""
        self.set_trial_gauges(self.progress.records[trial.config["trial"]])

    def on_step_end(self, iteration: int, trials: list[Trial], **info: object) -> None:
        """Update all gauges every `UPDATE_SECONDS`."""
        now = time.monotonic()
        if now - self.updated_at >= UPDATE_SECONDS:
            self.updated_at = now
            self.set_all_gauges()

    def set_all_gauges(self) -> None:
        """Update the gauges of the study and of every running trial."""
        for record in self.progress.running_trials:
            self.set_trial_gauges(record)
        if (leader := self.progress.leader) and leader.best_report:
            self.best_gauge.set(leader.best_report.val_robust_accuracy, {"study": self.study_name})
        counted = Counter(record.status for record in self.progress.records.values())
        for status, number in counted.items():
            self.status_gauge.set(number, {"study": self.study_name, "status": status})

    def set_trial_gauges(self, record: Record) -> None:
        """Update the gauges of a trial that has reported."""
        if record.last_report and record.best_report:
            tags = {"study": self.study_name, "trial": record.trial_id}
            values = gauge_values(record)
            for name, gauge in self.trial_gauges.items():
                gauge.set(values[name], tags)


def gauge_values(record: Record) -> dict[str, float]:
    """Return the values of the gauges of a trial that has reported."""
    assert record.last_report is not None
    assert record.best_report is not None
    return {
        "attuner_epoch": len(record.reports),
        "attuner_clean_accuracy": record.last_report.val_clean_accuracy,
        "attuner_robust_accuracy": record.last_report.val_robust_accuracy,
        "attuner_best_robust_accuracy": record.best_report.val_robust_accuracy,
        "attuner_epoch_seconds": record.last_report.seconds,
    }
