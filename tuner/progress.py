"""What has happened in a study so far, whoever asks: the table, the log, the frames."""

import time
from dataclasses import dataclass, field
from typing import Any, Literal

from trainables.report import Report

Status = Literal["running", "completed", "stopped", "diverged", "failed"]


@dataclass
class Record:
    """One trial.

    Attributes:
        trial_id: Its number, "0000" for the first that was proposed.
        knobs: What tells it apart: path of a knob to its value, none where it has no such knob.
        seed: Of its draws.
        groups: Group to member and knobs.
        reports: One an epoch.
        status: How it ended, or "running".
        error: What it raised, if it failed.
        checkpoint: Folder with its best weights and its last state.
    """

    trial_id: str
    knobs: dict[str, Any]
    seed: int
    groups: dict[str, dict[str, Any]]
    reports: list[Report] = field(default_factory=list)
    status: Status = "running"
    error: str = ""
    checkpoint: str = ""

    @property
    def best(self) -> Report | None:
        """The epoch with the highest robust accuracy, then clean accuracy; the first of equals."""
        return max(self.reports, key=Report.score, default=None)

    @property
    def score(self) -> tuple[float, float]:
        """What trials are ranked by: the score of the best epoch, below any if there is none."""
        return self.best.score() if self.best else (-1.0, -1.0)

    @property
    def last(self) -> Report | None:
        """The latest epoch."""
        return self.reports[-1] if self.reports else None

    @property
    def seconds(self) -> float:
        """Wall time of all epochs."""
        return sum(report.seconds for report in self.reports)


@dataclass
class Progress:
    """A study under way.

    Attributes:
        trials: Configurations to try.
        epochs: Epochs of a whole trial.
        concurrency: Trials at a time.
        records: Trials so far, by number.
        started: When, on the monotonic clock.
        gpu: Share of a GPU that a trial takes.
        time_budget: Seconds after which the study ends; no limit if none.
        disk_budget: Bytes that checkpoints may take; no limit if none.
        disk: Bytes that they take.
    """

    trials: int
    epochs: int
    concurrency: int
    records: dict[str, Record] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    gpu: float = 0.0
    time_budget: float | None = None
    disk_budget: float | None = None
    disk: int = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def running(self) -> list[Record]:
        """Trials that have not ended."""
        return [record for record in self.records.values() if record.status == "running"]

    @property
    def ended(self) -> list[Record]:
        """Trials that have."""
        return [record for record in self.records.values() if record.status != "running"]

    @property
    def leader(self) -> Record | None:
        """The trial with the best epoch so far."""
        ranked = [(r.best.score(), r) for r in self.records.values() if r.best and r.checkpoint]
        return max(ranked, key=lambda pair: pair[0])[1] if ranked else None

    @property
    def trial_seconds(self) -> float:
        """Seconds of all epochs of all trials so far."""
        return sum(record.seconds for record in self.records.values())

    @property
    def due(self) -> float | None:
        """An estimate of those to come: as many epochs as trials took so far, at the mean pace."""
        epochs_run = sum(len(r.reports) for r in self.records.values())
        if not epochs_run:
            return None
        ended = [len(record.reports) for record in self.ended]
        usual = sum(ended) / len(ended) if ended else self.epochs
        due = (self.trials - len(self.records)) * usual
        due += sum(max(0.0, usual - len(record.reports)) for record in self.running)
        return due * self.trial_seconds / epochs_run

    @property
    def seconds_left(self) -> float | None:
        """An estimate of the time until the last trial ends, or the time budget if that is less."""
        if self.due is None:
            return None
        left = self.due / max(1, min(self.concurrency, self.trials - len(self.ended)))
        if self.time_budget is None:
            return left
        return min(left, max(0.0, self.time_budget - self.elapsed))
