"""What the epochs of a trial come to, without looking at all of them again after each."""

from collections.abc import Sequence

from trainables.constraint import Constraint
from trainables.report import Report


class ReportTotals:
    """Best epoch and seconds of a list of reports that mostly grows at its end.

    Attributes:
        best: The epoch with the highest score, the first of equals; none if there is none.
        seconds: Wall time of all epochs.
    """

    def __init__(self) -> None:
        self.best: Report | None = None
        self.seconds = 0.0
        self.n_counted = 0
        self.last_counted: Report | None = None

    def count_reports(self, reports: Sequence[Report], constraint: Constraint | None) -> "ReportTotals":
        """Return the tally of a list, which is this one if the list has but grown."""
        if self.n_counted > len(reports) or (
            self.n_counted and reports[self.n_counted - 1] is not self.last_counted
        ):
            return ReportTotals().count_reports(reports, constraint)
        while self.n_counted < len(reports):
            report = self.last_counted = reports[self.n_counted]
            if self.best is None or report.score(constraint) > self.best.score(constraint):
                self.best = report
            self.seconds += report.seconds
            self.n_counted += 1
        return self
