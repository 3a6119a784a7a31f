"""One trial of a study: what it is told apart by, what it reported, and how it ended."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from trainables.constraint import Constraint
from trainables.levels import Level
from trainables.report import Report
from tuner.tally import Tally

SEED = "s"
"""In the number of a trial, between that of its configuration and its seed."""
Status = Literal["running", "completed", "stopped", "diverged", "failed"]


@dataclass
class Record:
    """One trial.

    Attributes:
        trial_id: Its number, "0000" for the first that was proposed; "0000s1" for its second seed.
        knobs: What tells it apart: path of a knob to its value, none where it has no such knob.
        seed: Of its draws.
        groups: Group to member and knobs.
        reports: One an epoch.
        status: How it ended, or "running".
        error: What it raised, if it failed.
        checkpoint: Folder with its best weights and its last state.
        spare: The one before that, while it runs, in case the newest is broken.
        went_on: How often it has gone on after it had waited or its process had died.
        constraint: What its best epoch should satisfy, if anything.
    """

    trial_id: str
    knobs: dict[str, object]
    seed: int
    groups: dict[str, dict[str, object]]
    reports: list[Report] = field(default_factory=list)
    status: Status = "running"
    error: str = ""
    checkpoint: str = ""
    spare: str = ""
    went_on: int = 0
    constraint: Constraint | None = None
    counted: Tally = field(default_factory=Tally, init=False, repr=False, compare=False)

    @property
    def tally(self) -> Tally:
        """What its epochs come to."""
        self.counted = self.counted.over(self.reports, self.constraint)
        return self.counted

    @property
    def configuration(self) -> str:
        """The number of the first trial with its knobs."""
        return self.trial_id.partition(SEED)[0]

    @property
    def best(self) -> Report | None:
        """The epoch with the highest score, the one that is kept; the first of equals."""
        return self.tally.best

    @property
    def score(self) -> tuple[float, ...]:
        """What trials are ranked by: the score of the best epoch, below any if there is none."""
        return best.score(self.constraint) if (best := self.best) else (-math.inf,)

    @property
    def feasible(self) -> bool:
        """Whether the best epoch satisfies the constraint."""
        return self.best is not None and self.best.margin(self.constraint) <= 0

    @property
    def last(self) -> Report | None:
        """The latest epoch."""
        return self.reports[-1] if self.reports else None

    @property
    def collapsed_at(self) -> int:
        """Updates after which the sentinel ended it; 0 if it did not."""
        return self.last.collapsed_at if self.last else 0

    @property
    def broken(self) -> bool:
        """Whether it ended because training had failed."""
        return self.last is not None and self.last.broken

    @property
    def seconds(self) -> float:
        """Wall time of all epochs."""
        return self.tally.seconds


def seeded(records: Iterable[Record]) -> dict[str, list[float | None]]:
    """Return the robust accuracy of each configuration that was run to its end, seed by seed.

    None stands for a seed whose run failed.
    """
    found: dict[str, dict[int, float | None]] = {}
    for record in records:
        number = int(record.trial_id.partition(SEED)[2] or 0)
        whole = (record.status == "completed" or record.broken) and record.best
        if whole or (number and record.status == "failed"):
            value = record.best.val_robust_accuracy if whole and record.best else None
            found.setdefault(record.configuration, {})[number] = value
    return {
        name: [each[number] for number in sorted(each)]
        for name, each in sorted(found.items())
        if 0 in each
    }


def ending(record: Record, levels: Sequence[Level]) -> Status:
    """Return how a trial that no longer runs, and raised nothing, ended.

    Args:
        record: The trial.
        levels: The whole runs that it may consist of.
    """
    if record.last is None:
        return "stopped"
    if record.last.diverged:
        return "diverged"
    end = (len(levels) - 1, levels[-1].epochs)
    whole = record.last.moment == end and not record.last.collapsed_at
    return "completed" if whole else "stopped"
