"""Successive halving: the best of each rung resume once it is complete."""

from collections.abc import Mapping, Sequence

from trainables.training.report import Report
from tuner.schedulers.core.corrected_board import describe_unrelated
from tuner.schedulers.core.future_runs import FutureRuns, Position, epochs_between
from tuner.schedulers.core.rungs import RungSchedule, TrialPosition
from tuner.schedulers.core.scheduler import Decision, Resume, Scheduler


class SuccessiveHalving(Scheduler):
    """Synchronous successive halving (Karnin et al., 2013) without idle slots.

    A trial pauses at a rung until the rung is complete; then the best resume. If a slot is idle,
    the best so far resumes earlier: at worst one trial too many.

    Attributes:
        rung_schedule: The rungs.
        slots: How many trials reach each rung and, last, the end.
    """

    def __init__(
        self, schedule: RungSchedule, keep: Sequence[float], trials: int, *, first_rung: int = 0
    ) -> None:
        """Create the scheduler without trials.

        Args:
            schedule: The rungs.
            keep: Share of the trials that resumes from each rung; the last for later rungs too.
            trials: Number of trials of the study.
            first_rung: Index of the first rung; earlier ones are skipped.
        """
        super().__init__(schedule.levels, schedule.rungs)
        self.rung_schedule, self.first_rung = schedule, first_rung
        self.slots = [trials]
        for rung in range(first_rung, len(schedule.rungs)):
            share = keep[min(rung, len(keep) - 1)]
            self.slots.append(max(1, round(share * self.slots[-1])))
        self.positions: dict[str, TrialPosition] = {}
        self.boards = schedule.create_boards()
        self.ended_trials: set[str] = set()
        self.n_missing = 0

    def on_start(self, trial: str) -> int:
        """Add a new trial; return the level at which it starts."""
        self.positions[trial] = TrialPosition(self.rung_schedule, self.first_rung)
        return self.rung_schedule.starting_level(self.first_rung)

    def on_report(self, trial: str, report: Report, knobs: Mapping[str, object]) -> Decision:
        """Record an epoch; pause the trial at each rung."""
        position = self.positions[trial]
        rung = position.update(report)
        self.rung_schedule.record_end(self.boards, trial, position)
        if rung is None or report.has_failed:
            return "continue"
        self.boards[rung].add(trial, position.best, position.clean, knobs)
        return "pause"

    def on_end(self, trial: str) -> None:
        """Record that a trial will reach no other rung."""
        if trial not in self.ended_trials and self.first_rung < len(self.boards):
            self.ended_trials.add(trial)
            self.n_missing += trial not in self.boards[self.first_rung].values
            for board in self.boards:
                board.expected.discard(trial)
                if board.is_paused(trial):  # it failed after its report, and cannot continue
                    board.drop_failed(trial)

    def next_to_resume(self, *, is_idle: bool) -> Resume | None:
        """Return the best paused trial of a complete rung; if idle, the best so far."""
        for rung in reversed(range(self.first_rung, len(self.boards))):
            if is_idle or self.is_complete(rung):
                trial = self.boards[rung].best_paused(self.slots[rung - self.first_rung + 1])
                if trial is not None:
                    return Resume(trial, trial)
        return None

    def on_resume(self, resume: Resume) -> None:
        """Record that a trial has resumed towards the next rung."""
        rung = self.positions[resume.trial].rung
        self.boards[rung - 1].promote(resume.trial)
        if rung < len(self.boards):
            self.boards[rung].expected.add(resume.trial)

    def describe_findings(self) -> str:
        """Return whether short runs have said nothing about long ones."""
        return describe_unrelated(self.boards)

    def future_runs(self, running: Mapping[str, Position], n_new: float) -> list[FutureRuns]:
        """Return the runs to the next rung, and those of the trials that will resume there."""
        schedule, first = self.rung_schedule, self.first_rung
        last = len(self.boards)

        def run_to_rung(count: float, start: Position, rung: int, ready: float) -> FutureRuns:
            stretch = epochs_between(self.levels, start, schedule.position(rung))
            return FutureRuns(
                count, stretch, stage=rung, ready=ready, completing=float(rung == last)
            )

        runs = [run_to_rung(1, at, self.positions[trial].rung, 1) for trial, at in running.items()]
        runs.append(run_to_rung(n_new, (schedule.starting_level(first), 0), first, n_new))
        arriving: float = self.slots[0] - self.n_missing
        for rung in range(first, len(self.boards)):
            board = self.boards[rung]
            arriving = min(self.slots[rung - first + 1], max(arriving, len(board.values)))
            count = max(0, arriving - len(board.promoted))
            runs.append(run_to_rung(count, schedule.position(rung), rung + 1, len(board.paused)))
        return runs

    def is_complete(self, rung: int) -> bool:
        """Return whether all expected trials have reached a rung."""
        if rung == self.first_rung:
            return len(self.boards[rung].values) + self.n_missing >= self.slots[0]
        before = self.boards[rung - 1]
        due = len(before.promoted) >= min(self.slots[rung - self.first_rung], len(before.values))
        return due and self.is_complete(rung - 1) and not self.boards[rung].expected
