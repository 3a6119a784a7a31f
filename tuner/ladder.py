"""The rungs that trials climb: the moments at which some go on and others do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trainables.levels import Level
from trainables.report import Report

Fidelity = Literal["epochs", "schedule", "attack"]
Moment = float | Literal["drop"]
DROPPED = 0.7
"""Of the learning rate of the epoch before: less is a drop, and no smooth schedule falls as fast
before its end."""


@dataclass(frozen=True)
class Rung:
    """A moment in a trial.

    Attributes:
        level: Which of its whole runs.
        epoch: In that run; none is when the learning rate has dropped for the first time.
        later: Epochs after that.
    """

    level: int
    epoch: int | None
    later: int = 0


@dataclass(frozen=True)
class Ladder:
    """All rungs of a study.

    Attributes:
        levels: The whole runs that a trial may consist of.
        rungs: In the order in which a trial comes to them; none at the end of the last run.
    """

    levels: tuple[Level, ...]
    rungs: tuple[Rung, ...]

    def level_after(self, rung: int) -> int:
        """Return the level that a trial begins with which skips so many rungs."""
        skipped = self.rungs[:rung]
        ends = [r.level + 1 for r in skipped if r.epoch == self.levels[r.level].epochs]
        return max(ends, default=0)


@dataclass(frozen=True, kw_only=True)
class Course:
    """How far a study goes, whatever stops its trials early.

    Attributes:
        epochs: Of a whole trial.
        trials: How many there will be.
        fidelity: What is cheaper at lower rungs: "epochs", the beginning of a run; "schedule", a
            short whole run; "attack", a whole run with fewer attack steps.
        earlier: Levels of the study before it was given more epochs.
    """

    epochs: int
    trials: int
    fidelity: Fidelity = "epochs"
    earlier: tuple[Level, ...] = ()

    def ladder(self, moments: Sequence[Moment], settle: float = 0.0) -> Ladder:
        """Return rungs at some moments of a run.

        Args:
            moments: Shares of the epochs, rising; or "drop", of the learning rate.
            settle: Share of the epochs between a drop and its rung.
        """
        levels = self.levels(moments)
        rungs = []
        for number, level in enumerate(levels):
            if self.fidelity == "epochs":
                rungs += within(number, level.epochs, moments, settle)
            if number < len(levels) - 1:
                rungs.append(Rung(number, level.epochs))
        return Ladder(levels, tuple(rungs))

    def levels(self, moments: Sequence[Moment]) -> tuple[Level, ...]:
        """Return the whole runs, the last one in full."""
        whole = Level(self.epochs)
        if self.earlier or self.fidelity == "epochs":
            return (*self.earlier, whole)
        shares = [moment for moment in moments if moment != "drop"]
        if self.fidelity == "attack":
            return (*(Level(self.epochs, share) for share in shares), whole)
        return (*(Level(epochs) for epochs in counted(shares, self.epochs)), whole)


def within(level: int, epochs: int, moments: Sequence[Moment], settle: float) -> list[Rung]:
    """Return the rungs inside one run."""
    shares = [moment for moment in moments if moment != "drop"]
    rungs = [Rung(level, epoch) for epoch in counted(shares, epochs)]
    return rungs + [Rung(level, None, round(settle * epochs)) for m in moments if m == "drop"]


def counted(shares: Sequence[float], epochs: int) -> list[int]:
    """Return the epochs that shares come to, each once and none of them the last.

    >>> counted([0.1, 0.25, 0.5], 4)
    [1, 2]
    """
    found = {max(1, round(share * epochs)) for share in shares}
    return sorted(found - {epochs})


class Climber:
    """One trial on its way up.

    Attributes:
        rung: The next that it may come to.
        value: The highest robust accuracy of its run so far: that of the weights that are kept.
    """

    def __init__(self, ladder: Ladder, rung: int = 0) -> None:
        self.ladder, self.rung = ladder, rung
        self.last: Report | None = None
        self.dropped: int | None = None
        self.value = 0.0

    def sees(self, report: Report) -> int | None:
        """Take note of an epoch; return which rung it is, if any."""
        last = self.last if self.last and self.last.level == report.level else None
        if last is None:
            self.value, self.dropped = 0.0, None
        elif self.dropped is None and report.lr < DROPPED * last.lr:
            self.dropped = report.epoch
        self.value, self.last = max(self.value, report.val_robust_accuracy), report
        for number in range(self.rung, len(self.ladder.rungs)):
            if self.is_at(self.ladder.rungs[number], report):
                self.rung = number + 1
                return number
        return None

    def is_at(self, rung: Rung, report: Report) -> bool:
        """Return whether an epoch is a rung."""
        if rung.level != report.level:
            return False
        if rung.epoch is not None:
            return rung.epoch == report.epoch
        settled = self.dropped is not None and report.epoch == self.dropped + rung.later
        return settled and report.epoch < self.ladder.levels[report.level].epochs
