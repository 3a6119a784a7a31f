"""What has happened in a study so far, whoever asks: the table, the log, the frames."""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from trainables.constraint import Constraint
from trainables.levels import Level
from trainables.report import Report
from tuner.account import Account
from tuner.goal import Goal, front
from tuner.race import Standing, standings
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
    knobs: dict[str, Any]
    seed: int
    groups: dict[str, dict[str, Any]]
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


@dataclass
class Progress:
    """A study under way.

    Attributes:
        trials: Configurations to try.
        levels: The whole runs that a trial may consist of.
        concurrency: Trials at a time.
        records: Trials so far, by number.
        started: When, on the monotonic clock.
        goal: What it is after.
        gpu: Share of a GPU that a trial takes.
        time_budget: Seconds after which the study ends; no limit if none.
        disk_budget: Bytes that checkpoints may take; no limit if none.
        disk: Bytes that they take.
        images: Of the validation split.
        account: Sums over the trials; to be told of one that had ended and goes on.
    """

    trials: int
    levels: tuple[Level, ...]
    concurrency: int
    records: dict[str, Record] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    goal: Goal = field(default_factory=Goal)

    @property
    def epochs(self) -> int:
        """Epochs of a trial that goes all the way, over all its whole runs."""
        return sum(level.epochs for level in self.levels)

    gpu: float = 0.0
    time_budget: float | None = None
    disk_budget: float | None = None
    disk: int = 0
    images: int = 1
    account: Account = field(default_factory=Account, repr=False, compare=False)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def running(self) -> list[Record]:
        """Trials that have not ended."""
        return self.account.of(self.records).open

    @property
    def number_ended(self) -> int:
        """How many trials have ended."""
        return len(self.records) - len(self.running)

    @property
    def ended(self) -> list[Record]:
        """Trials that have."""
        return [record for record in self.records.values() if record.status != "running"]

    @property
    def leader(self) -> Record | None:
        """The trial with the best epoch so far.

        Once configurations have been run with several seeds it is one of the configuration with the
        highest mean, of those with the most seeds.
        """
        ranked = [(r.score, r) for r in self.records.values() if r.checkpoint and r.best]
        if raced := self.standings:
            most = max(each.n for each in raced.values())
            first = max((n for n in raced if raced[n].n == most), key=lambda n: raced[n].mean)
            own = [pair for pair in ranked if pair[1].configuration == first]
            ranked = own or ranked
        return max(ranked, key=lambda pair: pair[0])[1] if ranked else None

    @property
    def standings(self) -> dict[str, Standing]:
        """What each configuration has come to over its seeds; empty while all have one."""
        if not any(SEED in number for number in self.records):
            return {}
        return standings(seeded(self.records.values()), self.images)

    @property
    def front(self) -> list[Record]:
        """Trials whose best epoch satisfies the constraint and no other's beats; robust first."""
        kept = [r for r in self.records.values() if r.checkpoint and r.feasible]
        points = [self.goal.point(record.best) for record in kept if record.best]
        found = [each for each, on in zip(kept, front(points), strict=True) if on]
        return sorted(found, key=lambda record: record.score, reverse=True)

    @property
    def trial_seconds(self) -> float:
        """Seconds of all epochs of all trials so far."""
        running = sum(record.seconds for record in self.running)
        return self.account.seconds + running

    @property
    def due(self) -> float | None:
        """An estimate of those to come: as many epochs as trials took so far, at the mean pace."""
        running = [len(record.reports) for record in self.running]
        epochs = self.account.epochs
        ended = len(self.records) - len(running)
        if not epochs + sum(running):
            return None
        usual = epochs / ended if ended else self.epochs
        due = (self.trials - len(self.records)) * usual
        due += sum(max(0.0, usual - each) for each in running)
        return due * self.trial_seconds / (epochs + sum(running))

    @property
    def seconds_left(self) -> float | None:
        """An estimate of the time until the last trial ends, or the time budget if that is less."""
        if (due := self.due) is None:
            return None
        left = due / max(1, min(self.concurrency, self.trials - self.number_ended))
        if self.time_budget is None:
            return left
        return min(left, max(0.0, self.time_budget - self.elapsed))
