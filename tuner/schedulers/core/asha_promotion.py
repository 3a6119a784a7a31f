"""Asynchronous successive halving, its promotion variant (Li et al., 2020, arXiv:1810.05934)."""

import math
from collections.abc import Mapping

from trainables.training.report import Report
from tuner.schedulers.core.corrected_board import describe_unrelated
from tuner.schedulers.core.future_runs import FutureRuns, Position, epochs_between
from tuner.schedulers.core.rung_board import RungBoard
from tuner.schedulers.core.rungs import RungSchedule, TrialPosition
from tuner.schedulers.core.scheduler import Decision, Resume, Scheduler

PRIOR_RATIO = 1.8
"""Expected share of trials that continue, before any has, in units of 1 / factor."""
PRIOR_TRIALS = 3
"""How many trials the expected share of trials that continue is worth, beside those seen."""


class AshaPromotion(Scheduler):
    """Continues a trial as soon as it is among the best 1/factor that have reached its rung.

    No trial waits for others, so that no worker is idle while there are trials to start. The best
    of a rung are rounded to whole trials, those of the last rung up, so that the first trial that
    reaches it gives a first result. A trial must be better than the first that is not among the
    best: of trials at chance level none but the first continues. If nothing else can run, the best
    paused trials of each rung continue, as many as will be among the best once the running trials
    have reached it, and at least one.

    Attributes:
        rung_schedule: The rungs.
        boards: The trials at each rung.
    """

    def __init__(self, schedule: RungSchedule, factor: float, *, first_rung: int = 0) -> None:
        """Create the scheduler without trials.

        Args:
            schedule: The rungs.
            factor: One in this many trials continues.
            first_rung: Index of the first rung; earlier ones are skipped.
        """
        super().__init__(schedule.levels, schedule.rungs)
        self.rung_schedule, self.factor, self.first_rung = schedule, factor, first_rung
        self.positions: dict[str, TrialPosition] = {}
        self.boards = schedule.create_boards()

    def on_start(self, trial: str) -> int:
        """Add a new trial; return the level at which it starts."""
        self.positions[trial] = TrialPosition(self.rung_schedule, self.first_rung)
        self.expect(trial, self.first_rung)
        return self.rung_schedule.starting_level(self.first_rung)

    def on_report(self, trial: str, report: Report, knobs: Mapping[str, object]) -> Decision:
        """Record an epoch; at a rung, continue a trial that is among the best, pause others."""
        position = self.positions[trial]
        self.leave_rungs(trial)
        rung = position.update(report)
        self.rung_schedule.record_end(self.boards, trial, position)
        if rung is None or report.has_failed:
            return "continue"
        board = self.boards[rung]
        board.add(trial, position.best, position.clean, knobs)
        if board.best_paused(self.n_promoted(board), above_rest=True) != trial:
            return "pause"
        self.promote(trial, rung)
        return "continue"

    def on_end(self, trial: str) -> None:
        """Record that a trial will reach no other rung."""
        self.leave_rungs(trial)
        for board in self.boards:
            board.expected.discard(trial)

    def leave_rungs(self, trial: str) -> None:
        """Record that a trial which is paused here runs or has ended.

        A resumed study may lack an epoch of another trial, on which its continuation depended.
        """
        position = self.positions.get(trial)
        rung = position.rung - 1 if position else -1
        if rung >= 0 and self.boards[rung].is_paused(trial):
            self.promote(trial, rung)

    def next_to_resume(self, *, is_idle: bool) -> Resume | None:
        """Return the best paused trial of the last rung that has one to continue."""
        for board in reversed(self.boards):
            trial = board.best_paused(self.n_promoted(board), above_rest=True)
            if trial is None and is_idle:
                trial = board.best_paused(self.n_promoted_at_last(board))
            if trial is not None:
                return Resume(trial, trial)
        return None

    def on_resume(self, resume: Resume) -> None:
        """Record that a trial has resumed towards the next rung."""
        self.leave_rungs(resume.trial)

    def promote(self, trial: str, rung: int) -> None:
        """Record that a trial continues from a rung."""
        self.boards[rung].promote(trial)
        self.expect(trial, rung + 1)

    def expect(self, trial: str, rung: int) -> None:
        """Record that a trial is running towards a rung, unless there is none before its end."""
        if rung < len(self.boards):
            self.boards[rung].expected.add(trial)

    def n_promoted(self, board: RungBoard) -> int:
        """Return how many of the trials at a rung are among the best now."""
        return self.round_up_at_last(board, len(board.values))

    def n_promoted_at_last(self, board: RungBoard) -> int:
        """Return how many of the trials at a rung will be among the best, at least one."""
        return max(1, self.round_up_at_last(board, len(board.values) + len(board.expected)))

    def round_up_at_last(self, board: RungBoard, count: int) -> int:
        """Return one in `factor` of the trials at a rung, rounded."""
        best = count / self.factor
        return math.ceil(best) if board is self.boards[-1] else round(best)

    def describe_findings(self) -> str:
        """Return whether short runs have said nothing about long ones."""
        return describe_unrelated(self.boards)

    def future_runs(self, running: Mapping[str, Position], n_new: float) -> list[FutureRuns]:
        """Return the runs to the next rung, and those of the share that will continue there."""
        schedule, first = self.rung_schedule, self.first_rung
        runs = [
            self.run_to_rung(1, at, self.positions[trial].rung, 1) for trial, at in running.items()
        ]
        runs.append(self.run_to_rung(n_new, (schedule.starting_level(first), 0), first, n_new))
        arriving: float = 0.0
        for rung in range(first, len(self.boards)):
            board = self.boards[rung]
            coming = len(board.expected & running.keys()) + (n_new if rung == first else arriving)
            total = len(board.values) + coming
            due = max(1.0, total / self.factor) - len(board.promoted)
            arriving = max(coming * self.continuing_share(board), due)
            arriving = min(arriving, len(board.paused) + coming)
            start = schedule.position(rung)
            runs.append(self.run_to_rung(arriving, start, rung + 1, len(board.paused)))
        return runs

    def continuing_share(self, board: RungBoard) -> float:
        """Return the expected share of the next trials that continues from a rung.

        More of a searcher that learns do than one in `factor`.
        """
        expected = min(1.0, PRIOR_RATIO / self.factor)
        return (len(board.promoted) + PRIOR_TRIALS * expected) / (len(board.values) + PRIOR_TRIALS)

    def run_to_rung(self, count: float, start: Position, rung: int, ready: float) -> FutureRuns:
        """Return equal runs that end at a rung; see `FutureRuns`."""
        stretch = epochs_between(self.levels, start, self.rung_schedule.position(rung))
        completing = float(rung == len(self.boards))
        return FutureRuns(count, stretch, stage=rung, ready=ready, completing=completing)
