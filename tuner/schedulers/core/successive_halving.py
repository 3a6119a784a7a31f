"""Successive halving: the best of each rung go on once all of it is known."""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence

from trainables.training.report import Report
from tuner.schedulers.core.rungs import RungSchedule, TrialPosition
from tuner.schedulers.core.scheduler import Decision, Resume, Scheduler


class RungBoard:
    """Who has come to a rung, ranked as they come: a study asks for the best all the time.

    Attributes:
        values: The value of each.
        promoted: Who has gone on from there.
        expected: Who has gone on to there, and may come yet.
    """

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.promoted: set[str] = set()
        self.expected: set[str] = set()
        self.ranking: list[tuple[float, str]] = []
        self.paused: list[tuple[float, str]] = []

    def add(self, trial: str, value: float) -> None:
        """Take note of who waits here; of equals the earlier trial is better."""
        self.values[trial] = value
        self.expected.discard(trial)
        insort(self.ranking, (-value, trial))
        insort(self.paused, (-value, trial))

    def promote(self, trial: str) -> None:
        """Take note of who waits no longer."""
        self.promoted.add(trial)
        del self.paused[bisect_left(self.paused, (-self.values[trial], trial))]

    def best_paused(self, slots: int) -> str | None:
        """Return the best that waits, if fewer than `slots` have been better."""
        if not self.paused or bisect_left(self.ranking, self.paused[0]) >= slots:
            return None
        return self.paused[0][1]


class SuccessiveHalving(Scheduler):
    """Synchronous successive halving (Karnin et al., 2013) that leaves no machine idle.

    A trial waits at a rung until all that will come to it have come; the best go on. Where there is
    room and nothing else to do, the best so far goes on before: at worst that is one too many.

    Attributes:
        rung_schedule: The rungs.
        slots: How many trials come to each rung, and at last to the end.
    """

    def __init__(
        self, ladder: RungSchedule, keep: Sequence[float], trials: int, *, first_rung: int = 0
    ) -> None:
        """Begin with no trial.

        Args:
            ladder: The rungs.
            keep: Share of the trials that go on, rung by rung; the last for all that follow.
            trials: How many there will be.
            first_rung: The rung that trials come to first; they skip those before.
        """
        super().__init__(ladder.levels)
        self.rung_schedule, self.first_rung = ladder, first_rung
        self.slots = [trials]
        for rung in range(first_rung, len(ladder.rungs)):
            share = keep[min(rung, len(keep) - 1)]
            self.slots.append(max(1, round(share * self.slots[-1])))
        self.positions: dict[str, TrialPosition] = {}
        self.boards = [RungBoard() for _ in ladder.rungs]
        self.ended_trials: set[str] = set()
        self.n_missing = 0

    def on_start(self, trial: str) -> int:
        """Take note of a new trial; return the level that it begins with."""
        self.positions[trial] = TrialPosition(self.rung_schedule, self.first_rung)
        return self.rung_schedule.starting_level(self.first_rung)

    def on_report(self, trial: str, report: Report, knobs: Mapping[str, object]) -> Decision:
        """Take note of an epoch; a trial waits at every rung."""
        climber = self.positions[trial]
        rung = climber.update(report)
        if rung is None or report.has_failed:
            return "continue"
        self.boards[rung].add(trial, climber.best_accuracy)
        return "pause"

    def on_end(self, trial: str) -> None:
        """Take note that a trial will come to no other rung."""
        if trial not in self.ended_trials and self.first_rung < len(self.boards):
            self.ended_trials.add(trial)
            self.n_missing += trial not in self.boards[self.first_rung].values
            for place in self.boards:
                place.expected.discard(trial)

    def next_to_resume(self, *, is_idle: bool) -> Resume | None:
        """Return the best trial that waits where all is known; where idle, the best so far."""
        for rung in reversed(range(self.first_rung, len(self.boards))):
            if is_idle or self.is_complete(rung):
                trial = self.boards[rung].best_paused(self.slots[rung - self.first_rung + 1])
                if trial is not None:
                    return Resume(trial, trial)
        return None

    def on_resume(self, resume: Resume) -> None:
        """Take note that a trial goes for the next rung."""
        rung = self.positions[resume.trial].rung
        self.boards[rung - 1].promote(resume.trial)
        if rung < len(self.boards):
            self.boards[rung].expected.add(resume.trial)

    def is_complete(self, rung: int) -> bool:
        """Return whether all trials that will come to a rung have come."""
        if rung == self.first_rung:
            return len(self.boards[rung].values) + self.n_missing >= self.slots[0]
        before = self.boards[rung - 1]
        due = len(before.promoted) >= min(self.slots[rung - self.first_rung], len(before.values))
        return due and self.is_complete(rung - 1) and not self.boards[rung].expected
