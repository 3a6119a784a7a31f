"""Sums over the trials of a study that have ended, kept up to date without reading all trials."""

from collections import Counter
from collections.abc import Mapping
from itertools import islice

from tuner.state.trial import Record


class StudyTotals:
    """Sums over ended trials, updated incrementally.

    Attributes:
        epochs: Epochs of ended trials.
        seconds: Seconds of these epochs.
        level_epochs, level_seconds: The same at each level.
        n_begun: Trials, ended or not, that began with each seed of a configuration, by its number.
        n_paused: Ended trials that the scheduler may still resume.
        running_trials: Running trials, in the order of their start.
    """

    def __init__(self) -> None:
        self.reset({})

    def reset(self, records: Mapping[str, Record]) -> None:
        """Start again with all trials."""
        self.records, self.n_seen = records, 0
        self.epochs, self.seconds, self.n_begun = 0, 0.0, Counter[int]()
        self.n_paused = 0
        self.level_epochs, self.level_seconds = Counter[int](), dict[int, float]()
        self.running_trials: list[Record] = []
        self.positions: dict[str, int] = {}

    def count_trials(self, records: Mapping[str, Record]) -> "StudyTotals":
        """Add trials that started or ended since the last call; return itself."""
        if records is not self.records or len(records) < self.n_seen:
            self.reset(records)
        new = list(islice(records.values(), self.n_seen, None))
        self.positions |= {record.trial_id: self.n_seen + n for n, record in enumerate(new)}
        self.n_seen = len(records)
        self.n_begun.update(record.seed_number for record in new)
        before, self.running_trials = [*self.running_trials, *new], []
        for record in before:
            if record.status == "running":
                self.running_trials.append(record)
            else:
                self.add(record, 1)
        return self

    def add(self, record: Record, sign: int) -> None:
        """Add an ended trial to the sums, or subtract it."""
        self.epochs += sign * len(record.reports)
        self.n_paused += sign * (record.shown_status == "paused")
        self.seconds += sign * record.seconds
        totals = record.totals
        for level, number in totals.level_epochs.items():
            self.level_epochs[level] += sign * number
            before = self.level_seconds.get(level, 0.0)
            self.level_seconds[level] = before + sign * totals.level_seconds[level]

    def mark_resumed(self, record: Record) -> None:
        """Count an ended trial as running again, before it reports."""
        if (
            any(trial is record for trial in self.running_trials)
            or record.trial_id not in self.positions
        ):
            return
        self.add(record, -1)
        self.running_trials.append(record)
        self.running_trials.sort(key=lambda trial: self.positions[trial.trial_id])
