"""The rungs that trials climb: the moments at which some go on and others do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trainables.training.fidelity import Level
from trainables.training.report import Report
from tuner.config.settings import Fidelity

RungSpec = float | Literal["drop"]
MAX_DROP_RATIO = 0.7
"""Of the learning rate of the epoch before: less is a drop, and no smooth schedule falls as fast
before its end."""


@dataclass(frozen=True)
class Rung:
    """A moment in a trial.

    Attributes:
        level: Which of its whole runs.
        epoch: In that run; none is when the learning rate has dropped for the first time.
        epochs_after: Epochs after that.
    """

    level: int
    epoch: int | None
    epochs_after: int = 0


@dataclass(frozen=True)
class RungSchedule:
    """All rungs of a study.

    Attributes:
        levels: The whole runs that a trial may consist of.
        rungs: In the order in which a trial comes to them; none at the end of the last run.
    """

    levels: tuple[Level, ...]
    rungs: tuple[Rung, ...]

    def starting_level(self, rung: int) -> int:
        """Return the level that a trial begins with which skips so many rungs."""
        skipped = self.rungs[:rung]
        ends = [r.level + 1 for r in skipped if r.epoch == self.levels[r.level].epochs]
        return max(ends, default=0)


@dataclass(frozen=True, kw_only=True)
class FidelityPlan:
    """How far a study goes, whatever stops its trials early.

    Attributes:
        epochs: Of a whole trial.
        trials: How many there will be.
        fidelity: What is cheaper at lower rungs: "epochs", the beginning of a run; "schedule", a
            short whole run; "attack", a whole run with fewer attack steps.
        earlier_levels: Levels of the study before it was given more epochs.
    """

    epochs: int
    trials: int
    fidelity: Fidelity = "epochs"
    earlier_levels: tuple[Level, ...] = ()

    def schedule_rungs(self, specs: Sequence[RungSpec], settle: float = 0.0) -> RungSchedule:
        """Return rungs at some moments of a run.

        Args:
            specs: Shares of the epochs, rising; or "drop", of the learning rate.
            settle: Share of the epochs between a drop and its rung.
        """
        levels = self.plan_levels(specs)
        rungs = []
        for number, level in enumerate(levels):
            if self.fidelity == "epochs":
                rungs += rungs_in_run(number, level.epochs, specs, settle)
            if number < len(levels) - 1:
                rungs.append(Rung(number, level.epochs))
        return RungSchedule(levels, tuple(rungs))

    def plan_levels(self, specs: Sequence[RungSpec]) -> tuple[Level, ...]:
        """Return the whole runs, the last one in full."""
        whole = Level(self.epochs)
        if self.earlier_levels or self.fidelity == "epochs":
            return (*self.earlier_levels, whole)
        shares = [moment for moment in specs if moment != "drop"]
        if self.fidelity == "attack":
            return (*(Level(self.epochs, share) for share in shares), whole)
        return (*(Level(epochs) for epochs in epochs_at_shares(shares, self.epochs)), whole)


def rungs_in_run(level: int, epochs: int, specs: Sequence[RungSpec], settle: float) -> list[Rung]:
    """Return the rungs inside one run."""
    shares = [moment for moment in specs if moment != "drop"]
    rungs = [Rung(level, epoch) for epoch in epochs_at_shares(shares, epochs)]
    return rungs + [Rung(level, None, round(settle * epochs)) for m in specs if m == "drop"]


def epochs_at_shares(shares: Sequence[float], epochs: int) -> list[int]:
    """Return the epochs that shares come to, each once and none of them the last.

    >>> epochs_at_shares([0.1, 0.25, 0.5], 4)
    [1, 2]
    """
    found = {max(1, round(share * epochs)) for share in shares}
    return sorted(found - {epochs})


class TrialPosition:
    """One trial on its way up.

    Attributes:
        rung: The next that it may come to.
        best_accuracy: The highest robust accuracy of its run so far: that of the weights that are kept.
    """

    def __init__(self, ladder: RungSchedule, rung: int = 0) -> None:
        self.rung_schedule, self.rung = ladder, rung
        self.last_report: Report | None = None
        self.drop_epoch: int | None = None
        self.best_accuracy = 0.0

    def update(self, report: Report) -> int | None:
        """Take note of an epoch; return which rung it is, if any."""
        last = (
            self.last_report
            if self.last_report and self.last_report.level == report.level
            else None
        )
        if last is None:
            self.best_accuracy, self.drop_epoch = 0.0, None
        elif self.drop_epoch is None and report.lr < MAX_DROP_RATIO * last.lr:
            self.drop_epoch = report.epoch
        self.best_accuracy, self.last_report = (
            max(self.best_accuracy, report.val_robust_accuracy),
            report,
        )
        for number in range(self.rung, len(self.rung_schedule.rungs)):
            if self.is_at_rung(self.rung_schedule.rungs[number], report):
                self.rung = number + 1
                return number
        return None

    def is_at_rung(self, rung: Rung, report: Report) -> bool:
        """Return whether an epoch is a rung."""
        if rung.level != report.level:
            return False
        if rung.epoch is not None:
            return rung.epoch == report.epoch
        settled = (
            self.drop_epoch is not None and report.epoch == self.drop_epoch + rung.epochs_after
        )
        return settled and report.epoch < self.rung_schedule.levels[report.level].epochs
