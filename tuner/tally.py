"""What the epochs of a trial come to, without looking at all of them again after each."""

from collections.abc import Sequence

from trainables.constraint import Constraint
from trainables.report import Report


class Tally:
    """Best epoch and seconds of a list of reports that mostly grows at its end.

    Attributes:
        best: The epoch with the highest score, the first of equals; none if there is none.
        seconds: Wall time of all epochs.
    """

    def __init__(self) -> None:
        self.best: Report | None = None
        self.seconds = 0.0
        self.counted = 0
        self.newest: Report | None = None

    def over(self, reports: Sequence[Report], constraint: Constraint | None) -> "Tally":
        """Return the tally of a list, which is this one if the list has but grown."""
        if self.counted > len(reports) or (
            self.counted and reports[self.counted - 1] is not self.newest
        ):
            return Tally().over(reports, constraint)
        while self.counted < len(reports):
            report = self.newest = reports[self.counted]
            if self.best is None or report.score(constraint) > self.best.score(constraint):
                self.best = report
            self.seconds += report.seconds
            self.counted += 1
        return self
