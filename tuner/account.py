"""Who runs and what all trials have taken, without counting all of them after each epoch."""

from collections.abc import Mapping
from itertools import islice

from tuner.record import Record


class Account:
    """Sums over the trials that have ended, each of which is looked at once.

    Attributes:
        epochs: Of those that have ended.
        seconds: Of these epochs.
        open: Those that run, in the order in which they were begun.
    """

    def __init__(self) -> None:
        self.begins({})

    def begins(self, records: Mapping[str, Record]) -> None:
        """Look at all trials anew."""
        self.records, self.seen = records, 0
        self.epochs, self.seconds = 0, 0.0
        self.open: list[Record] = []
        self.places: dict[str, int] = {}

    def of(self, records: Mapping[str, Record]) -> "Account":
        """Return the account of trials of which some have begun or ended since."""
        if records is not self.records or len(records) < self.seen:
            self.begins(records)
        new = list(islice(records.values(), self.seen, None))
        self.places |= {record.trial_id: self.seen + n for n, record in enumerate(new)}
        self.seen = len(records)
        before, self.open = [*self.open, *new], []
        for record in before:
            if record.status == "running":
                self.open.append(record)
            else:
                self.epochs += len(record.reports)
                self.seconds += record.seconds
        return self

    def goes_on(self, record: Record) -> None:
        """Take note that a trial goes on which had ended; before it reports anything."""
        if any(each is record for each in self.open) or record.trial_id not in self.places:
            return
        self.epochs -= len(record.reports)
        self.seconds -= record.seconds
        self.open.append(record)
        self.open.sort(key=lambda each: self.places[each.trial_id])
