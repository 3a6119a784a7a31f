"""Epochs that early stopping saved, compared with one full run of every configuration."""

from collections.abc import Iterable
from dataclasses import dataclass

from tuner.state.trial import SEED_SEPARATOR, Record


@dataclass(frozen=True)
class EpochCounts:
    """Epochs of a study.

    Attributes:
        run: Epochs of the trials that count.
        full_runs: Epochs of one full run of each of these trials, without short runs.
    """

    run: int
    full_runs: int

    @property
    def share_saved(self) -> float:
        """The share of the epochs that was not run; negative if more were run."""
        return 1 - self.run / self.full_runs if self.full_runs else 0.0


def count_epochs(records: Iterable[Record], full_epochs: int) -> EpochCounts:
    """Return the epochs that were run, and those of one full run of every configuration.

    Further seeds and trials whose training failed do not count: early stopping did not end them.
    `analysis.estimate_savings` uses the same trials.

    Args:
        records: The trials of a study.
        full_epochs: Epochs of its longest run.
    """
    counted = [
        record
        for record in records
        if SEED_SEPARATOR not in record.trial_id
        and record.status in {"completed", "stopped"}
        and not record.training_failed
    ]
    return EpochCounts(sum(len(each.reports) for each in counted), full_epochs * len(counted))
