"""Trials distributed over schedulers with different first rungs (arXiv:1603.06560)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from trainables.training.report import Report
from tuner.schedulers.core.future_runs import FutureRuns, Position
from tuner.schedulers.core.scheduler import Decision, Resume, Scheduler


class Brackets(Scheduler):
    """Several schedulers side by side, each with its share of the trials.

    Attributes:
        schedulers: One per bracket.
    """

    def __init__(self, schedulers: Sequence[Scheduler], shares: Sequence[float]) -> None:
        """Create the scheduler without trials.

        Args:
            schedulers: One per bracket, all with the same levels.
            shares: Relative numbers of trials; they need not sum to one.
        """
        super().__init__(schedulers[0].levels, schedulers[0].rungs)
        self.schedulers, self.shares = schedulers, shares
        self.scheduler_of: dict[str, Scheduler] = {}
        self.n_assigned = [0] * len(schedulers)

    def on_start(self, trial: str) -> int:
        """Add a trial to the bracket furthest below its share; return the level it starts at."""
        chosen = next_bracket(self.n_assigned, self.shares)
        self.n_assigned[chosen] += 1
        self.scheduler_of[trial] = self.schedulers[chosen]
        return self.scheduler_of[trial].on_start(trial)

    def on_report(self, trial: str, report: Report, knobs: Mapping[str, object]) -> Decision:
        """Return what the trial's bracket decides."""
        return self.scheduler_of[trial].on_report(trial, report, knobs)

    def on_end(self, trial: str) -> None:
        """Notify the trial's bracket."""
        self.scheduler_of[trial].on_end(trial)

    def next_to_resume(self, *, is_idle: bool) -> Resume | None:
        """Return the first bracket's trial to resume."""
        candidates = (each.next_to_resume(is_idle=False) for each in self.schedulers)
        step = next(filter(None, candidates), None)
        if step is None and is_idle:
            step = next(
                filter(None, (each.next_to_resume(is_idle=True) for each in self.schedulers)), None
            )
        return step

    def on_resume(self, resume: Resume) -> None:
        """Notify the trial's bracket."""
        self.scheduler_of[resume.trial].on_resume(resume)

    def describe_findings(self) -> str:
        """Return the first finding of a bracket."""
        return next(filter(None, (each.describe_findings() for each in self.schedulers)), "")

    def future_runs(self, running: Mapping[str, Position], n_new: float) -> list[FutureRuns]:
        """Return what the trials of each bracket are still to run."""
        total, whole = sum(self.n_assigned) + n_new, sum(self.shares)
        due = [
            max(0.0, total * share / whole - has)
            for share, has in zip(self.shares, self.n_assigned, strict=True)
        ]
        rest = n_new / sum(due) if sum(due) else 0.0
        own = [
            {trial: at for trial, at in running.items() if self.scheduler_of[trial] is each}
            for each in self.schedulers
        ]
        return [
            replace(run, bracket=number)
            for number, scheduler in enumerate(self.schedulers)
            for run in scheduler.future_runs(own[number], due[number] * rest)
        ]


def next_bracket(assigned: Sequence[int], shares: Sequence[float]) -> int:
    """Return the bracket of the next trial, so that counts stay close to `shares`.

    >>> next_bracket([0, 0], [3, 1]), next_bracket([2, 0], [3, 1])
    (0, 1)
    """
    number, total = sum(assigned) + 1, sum(shares)
    lacks = [number * share / total - has for has, share in zip(assigned, shares, strict=True)]
    return max(range(len(lacks)), key=lambda each: lacks[each])


def split_trials(trials: int, shares: Sequence[float]) -> list[int]:
    """Return how many of `trials` each bracket gets.

    >>> split_trials(10, [3, 1])
    [8, 2]
    """
    counts = [0] * len(shares)
    for _ in range(trials):
        counts[next_bracket(counts, shares)] += 1
    return counts
