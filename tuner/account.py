"""Who runs and what all trials have taken, without counting all of them after each epoch."""

from collections.abc import Mapping
from itertools import islice

from tuner.record import Record


class StudyTotals:
    """Sums over the trials that have ended, each of which is looked at once.

    Attributes:
        epochs: Of those that have ended.
        seconds: Of these epochs.
        running_trials: Those that run, in the order in which they were begun.
    """

    def __init__(self) -> None:
        self.reset({})

    def reset(self, records: Mapping[str, Record]) -> None:
        """Look at all trials anew."""
        self.records, self.n_seen = records, 0
        self.epochs, self.seconds = 0, 0.0
        self.running_trials: list[Record] = []
        self.positions: dict[str, int] = {}

    def count_trials(self, records: Mapping[str, Record]) -> "StudyTotals":
        """Return the account of trials of which some have begun or ended since."""
        if records is not self.records or len(records) < self.n_seen:
            self.reset(records)
        new = list(islice(records.values(), self.n_seen, None))
        self.positions |= {record.trial_id: self.n_seen + n for n, record in enumerate(new)}
        self.n_seen = len(records)
        before, self.running_trials = [*self.running_trials, *new], []
        for record in before:
            if record.status == "running":
                self.running_trials.append(record)
            else:
                self.epochs += len(record.reports)
                self.seconds += record.seconds
        return self

    def mark_resumed(self, record: Record) -> None:
        """Take note that a trial goes on which had ended; before it reports anything."""
        if any(each is record for each in self.running_trials) or record.trial_id not in self.positions:
            return
        self.epochs -= len(record.reports)
        self.seconds -= record.seconds
        self.running_trials.append(record)
        self.running_trials.sort(key=lambda each: self.positions[each.trial_id])
