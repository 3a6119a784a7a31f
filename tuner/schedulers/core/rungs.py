"""The rungs of trials: the epochs at which some are stopped or paused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from trainables.training.fidelity import MAX_DROP_RATIO, Level, Rung
from trainables.training.report import Report
from tuner.config.settings import Fidelity
from tuner.schedulers.core.corrected_board import CorrectedBoard
from tuner.schedulers.core.ranking import RankingAccuracy, ranking_accuracy
from tuner.schedulers.core.rung_board import ParetoBoard, RungBoard

RungSpec = float | Literal["drop"]
Correction = Literal["auto", "none"]


@dataclass(frozen=True)
class RungSchedule:
    """All rungs of a study.

    Attributes:
        levels: The runs of a trial, from the cheapest.
        rungs: In the order in which a trial reaches them; the end of the last run is not one.
        is_multi_objective: Whether trials are compared by robust and clean accuracy.
        corrected_for: Domains by path of the knobs for whose bias short runs are corrected;
            `None`: they are not.
    """

    levels: tuple[Level, ...]
    rungs: tuple[Rung, ...]
    is_multi_objective: bool = False
    corrected_for: Mapping[str, object] | None = None

    def create_boards(self) -> list[RungBoard]:
        """Return a board for each rung, without trials."""
        if self.corrected_for is not None:
            return [CorrectedBoard(self.corrected_for) for _ in self.rungs]
        board = ParetoBoard if self.is_multi_objective else RungBoard
        return [board() for _ in self.rungs]

    def with_correction(
        self, plan: "FidelityPlan", correction: Correction, searched: Mapping[str, object]
    ) -> "RungSchedule":
        """Return the schedule, with short runs corrected for the bias by searched knobs.

        Args:
            plan: Fidelity and objectives of the study.
            correction: With "auto", short complete runs of studies with one objective are
                corrected.
            searched: Domain of each searched knob by path.
        """
        applies = plan.fidelity == "schedule" and not plan.is_multi_objective and bool(searched)
        corrects = correction == "auto" and applies
        return replace(self, corrected_for=searched) if corrects else self

    def record_end(
        self, boards: Sequence[RungBoard], trial: str, position: "TrialPosition"
    ) -> None:
        """Record on the board of a short run what the next, longer one has reached at its end."""
        report = position.last_report
        if report is None or report.has_failed or report.level == 0:
            return
        if self.corrected_for is not None and report.epoch == self.levels[report.level].epochs:
            boards[report.level - 1].record_next_run(trial, position.best.kept)

    def position(self, rung: int) -> tuple[int, int]:
        """Return level and epoch of a rung, and of the end after the last one.

        The epoch of a drop is unknown before the first trial reaches it; half of the run stands
        for it.
        """
        if rung >= len(self.rungs):
            return len(self.levels) - 1, self.levels[-1].epochs
        at = self.rungs[rung]
        return at.level, at.epoch or self.levels[at.level].epochs // 2

    def starting_level(self, rung: int) -> int:
        """Return the level at which a trial that skips some rungs starts."""
        skipped = self.rungs[:rung]
        ends = [r.level + 1 for r in skipped if r.epoch == self.levels[r.level].epochs]
        return max(ends, default=0)


@dataclass(frozen=True, kw_only=True)
class FidelityPlan:
    """How long trials train and what is cheaper at lower rungs.

    It does not depend on the scheduler.

    Attributes:
        epochs: Epochs of a complete trial.
        trials: Number of trials of the study.
        fidelity: What is cheaper at lower rungs: "epochs", the beginning of a run; "schedule", a
            short whole run; "attack", a whole run with fewer attack steps.
        earlier_levels: Levels of the study before its epochs were extended.
        is_multi_objective: Whether robust and clean accuracy are maximised.
        lr_drops: Shares of the run at which the learning rates of the study first drop; `None`:
            without a sharp drop.
    """

    epochs: int
    trials: int
    fidelity: Fidelity = "epochs"
    earlier_levels: tuple[Level, ...] = ()
    is_multi_objective: bool = False
    lr_drops: frozenset[float | None] = frozenset({None})

    def schedule_rungs(self, specs: Sequence[RungSpec], settle: float = 0.0) -> RungSchedule:
        """Return the rungs for positions in a run.

        Args:
            specs: Shares of the epochs, ascending; or "drop", of the learning rate.
            settle: Share of the epochs between a drop and its rung.
        """
        levels = self.plan_levels(specs)
        rungs = []
        for number, level in enumerate(levels):
            if self.fidelity == "epochs":
                rungs += rungs_in_run(number, level.epochs, specs, settle)
            if number < len(levels) - 1:
                rungs.append(Rung(number, level.epochs))
        return RungSchedule(levels, tuple(rungs), self.is_multi_objective)

    def plan_levels(self, specs: Sequence[RungSpec]) -> tuple[Level, ...]:
        """Return the runs of a trial, the last one at full fidelity."""
        whole = Level(self.epochs)
        if self.earlier_levels or self.fidelity == "epochs":
            return (*self.earlier_levels, whole)
        shares = [spec for spec in specs if spec != "drop"]
        if self.fidelity == "attack":
            return (*(Level(self.epochs, share) for share in shares), whole)
        return (*(Level(epochs) for epochs in epochs_at_shares(shares, self.epochs)), whole)


def rungs_in_run(level: int, epochs: int, specs: Sequence[RungSpec], settle: float) -> list[Rung]:
    """Return the rungs inside one run."""
    shares = [spec for spec in specs if spec != "drop"]
    rungs = [Rung(level, epoch) for epoch in epochs_at_shares(shares, epochs)]
    return rungs + [Rung(level, None, round(settle * epochs)) for m in specs if m == "drop"]


def epochs_at_shares(shares: Sequence[float], epochs: int) -> list[int]:
    """Return the epochs at shares of a run, without duplicates and without the last epoch.

    >>> epochs_at_shares([0.1, 0.25, 0.5], 4)
    [1, 2]
    """
    chosen = {max(1, round(share * epochs)) for share in shares}
    return sorted(chosen - {epochs})


class TrialPosition:
    """The rung that a trial has reached.

    Attributes:
        rung: Index of the next rung.
        best: Highest robust accuracies of its run so far.
        clean: Clean accuracy of the network that is saved, at its most robust epoch.
    """

    def __init__(self, schedule: RungSchedule, rung: int = 0) -> None:
        self.rung_schedule, self.rung = schedule, rung
        self.last_report: Report | None = None
        self.drop_epoch: int | None = None
        self.best, self.clean = RankingAccuracy(), 0.0

    def update(self, report: Report) -> int | None:
        """Record an epoch; return the index of its rung, or `None`."""
        last = (
            self.last_report
            if self.last_report and self.last_report.level == report.level
            else None
        )
        if last is None:
            self.best, self.clean, self.drop_epoch = RankingAccuracy(), 0.0, None
        elif self.drop_epoch is None and report.lr < MAX_DROP_RATIO * last.lr:
            self.drop_epoch = report.epoch
        if report.val_robust_accuracy > self.best.kept:
            self.clean = report.val_clean_accuracy
        self.best, self.last_report = self.best.best_with(ranking_accuracy(report)), report
        for number in range(self.rung, len(self.rung_schedule.rungs)):
            if self.is_at_rung(self.rung_schedule.rungs[number], report):
                self.rung = number + 1
                return number
        return None

    def is_at_rung(self, rung: Rung, report: Report) -> bool:
        """Return whether a report is that of a rung."""
        if rung.level != report.level:
            return False
        if rung.epoch is not None:
            return rung.epoch == report.epoch
        settled = (
            self.drop_epoch is not None and report.epoch == self.drop_epoch + rung.epochs_after
        )
        return settled and report.epoch < self.rung_schedule.levels[report.level].epochs
