"""The state of a trial: its knobs, reports, checkpoints and status."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from trainables.training.constraint import Constraint
from trainables.training.fidelity import Level
from trainables.training.report import Report


class ReportTotals:
    """Best epoch and total seconds of a growing list of reports, updated incrementally.

    Attributes:
        best: The epoch with the highest score, the first of equals; `None`: no report.
        seconds: Wall time of all epochs.
        level_epochs, level_seconds: Epochs and wall time at each level.
    """

    def __init__(self) -> None:
        self.best: Report | None = None
        self.level_epochs = Counter[int]()
        self.level_seconds: dict[int, float] = {}
        self.seconds = 0.0
        self.n_counted = 0
        self.last_counted: Report | None = None

    def count_reports(
        self, reports: Sequence[Report], constraint: Constraint | None
    ) -> "ReportTotals":
        """Return the totals of a list: these, updated, if the list has only grown."""
        if self.n_counted > len(reports) or (
            self.n_counted and reports[self.n_counted - 1] is not self.last_counted
        ):
            return ReportTotals().count_reports(reports, constraint)
        while self.n_counted < len(reports):
            report = self.last_counted = reports[self.n_counted]
            if self.best is None or report.score(constraint) > self.best.score(constraint):
                self.best = report
            self.seconds += report.seconds
            self.level_epochs[report.level] += 1
            before = self.level_seconds.get(report.level, 0.0)
            self.level_seconds[report.level] = before + report.seconds
            self.n_counted += 1
        return self


def distinguishing_knobs(config: Mapping[str, object], columns: Sequence[str]) -> dict[str, object]:
    """Return the values of the knobs that distinguish the trials of a plan."""
    return {path: column_value(config, path) for path in columns}


def column_value(config: Mapping[str, object], path: str) -> object:
    """Return the value of a column such as "optimizer.lr" or "model", or `None`."""
    group, _, knob = path.partition(".")
    value = config.get(group)
    return value.get(knob or "name") if isinstance(value, dict) else value


SEED_SEPARATOR = "s"
"""Separates configuration and seed in the number of a trial."""
TrialStatus = Literal["running", "completed", "stopped", "diverged", "failed"]


@dataclass
class Record:
    """One trial.

    Attributes:
        trial_id: Its number, "0000" for the first that was proposed; "0000s1" for its second seed.
        knobs: Knobs that distinguish trials: path to value; `None` for a knob that it lacks.
        seed: Random seed.
        groups: Group to member and knobs.
        reports: One per epoch.
        status: "running", or how it ended.
        error: The error that it raised, if it failed.
        checkpoint: Folder with its best weights and its last state.
        previous_checkpoint: The one before that, while it runs, in case the newest is corrupt.
        times_resumed: How often it was resumed after a pause or a process death.
        is_paused: Whether the scheduler may still resume it; its status is then "stopped".
        constraint: Constraint on its best epoch, or `None`.
    """

    trial_id: str
    knobs: dict[str, object]
    seed: int
    groups: dict[str, dict[str, object]]
    reports: list[Report] = field(default_factory=list)
    status: TrialStatus = "running"
    error: str = ""
    checkpoint: str = ""
    previous_checkpoint: str = ""
    times_resumed: int = 0
    is_paused: bool = field(default=False, compare=False)
    constraint: Constraint | None = None
    cached_totals: ReportTotals = field(
        default_factory=ReportTotals, init=False, repr=False, compare=False
    )

    @property
    def shown_status(self) -> str:
        """The status for people: "paused" while the scheduler may still resume it."""
        return "paused" if self.is_paused and self.status == "stopped" else self.status

    @property
    def totals(self) -> ReportTotals:
        """Best epoch and seconds of its reports."""
        self.cached_totals = self.cached_totals.count_reports(self.reports, self.constraint)
        return self.cached_totals

    @property
    def configuration_id(self) -> str:
        """The number of the first trial with its knobs."""
        return self.trial_id.partition(SEED_SEPARATOR)[0]

    @property
    def seed_number(self) -> int:
        """The number of its seed among those of its configuration, from 0."""
        return int(self.trial_id.partition(SEED_SEPARATOR)[2] or 0)

    @property
    def best_report(self) -> Report | None:
        """The epoch with the highest score, the one that is kept; the first of equals."""
        return self.totals.best

    @property
    def score(self) -> tuple[float, ...]:
        """The score of the best epoch, by which trials are ranked; the lowest without an epoch."""
        return best.score(self.constraint) if (best := self.best_report) else (-math.inf,)

    @property
    def is_feasible(self) -> bool:
        """Whether the best epoch satisfies the constraint."""
        return self.best_report is not None and self.best_report.violation(self.constraint) <= 0

    @property
    def last_report(self) -> Report | None:
        """The latest epoch."""
        return self.reports[-1] if self.reports else None

    @property
    def collapsed_at(self) -> int:
        """Updates after which the catastrophic-overfitting detector ended it; 0: it did not."""
        return self.last_report.collapsed_at if self.last_report else 0

    @property
    def training_failed(self) -> bool:
        """Whether it ended because training had failed."""
        return self.last_report is not None and self.last_report.has_failed

    @property
    def seconds(self) -> float:
        """Wall time of all epochs."""
        return self.totals.seconds


def accuracies_by_seed(records: Iterable[Record]) -> dict[str, list[float | None]]:
    """Return the robust accuracy of each configuration that was run to its end, seed by seed.

    `None` stands for a seed whose run failed.
    """
    by_seed: dict[str, dict[int, float | None]] = {}
    for record in records:
        number = record.seed_number
        is_complete = (
            record.status == "completed" or record.training_failed
        ) and record.best_report
        if is_complete or (number and record.status == "failed"):
            value = (
                record.best_report.val_robust_accuracy
                if is_complete and record.best_report
                else None
            )
            by_seed.setdefault(record.configuration_id, {})[number] = value
    return {
        name: [seeds[number] for number in sorted(seeds)]
        for name, seeds in sorted(by_seed.items())
        if 0 in seeds
    }


def final_status(record: Record, levels: Sequence[Level]) -> TrialStatus:
    """Return how a trial that no longer runs, and raised nothing, ended.

    Args:
        record: The trial.
        levels: Training runs that it may consist of.
    """
    if record.last_report is None:
        return "stopped"
    if record.last_report.diverged:
        return "diverged"
    end = (len(levels) - 1, levels[-1].epochs)
    is_complete = record.last_report.position == end and not record.last_report.collapsed_at
    return "completed" if is_complete else "stopped"
