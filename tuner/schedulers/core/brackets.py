"""Trials dealt out among rules that begin at different rungs (arXiv:1603.06560)."""

from collections.abc import Mapping, Sequence

from trainables.training.report import Report
from tuner.schedulers.core.scheduler import Decision, Resume, Scheduler


class Brackets(Scheduler):
    """Several rules side by side, each with trials of its own.

    Attributes:
        schedulers: One a bracket.
    """

    def __init__(self, rules: Sequence[Scheduler], shares: Sequence[float]) -> None:
        """Begin with no trial.

        Args:
            rules: One a bracket, all of the same levels.
            shares: Of the trials that each gets; they need not sum to one.
        """
        super().__init__(rules[0].levels)
        self.schedulers, self.shares = rules, shares
        self.scheduler_of: dict[str, Scheduler] = {}
        self.n_assigned = [0] * len(rules)

    def on_start(self, trial: str) -> int:
        """Give a new trial to the bracket that lacks most; return the level it begins with."""
        chosen = next_bracket(self.n_assigned, self.shares)
        self.n_assigned[chosen] += 1
        self.scheduler_of[trial] = self.schedulers[chosen]
        return self.scheduler_of[trial].on_start(trial)

    def on_report(self, trial: str, report: Report, knobs: Mapping[str, object]) -> Decision:
        """Return what the trial's bracket decides."""
        return self.scheduler_of[trial].on_report(trial, report, knobs)

    def on_end(self, trial: str) -> None:
        """Tell the trial's bracket."""
        self.scheduler_of[trial].on_end(trial)

    def next_to_resume(self, *, is_idle: bool) -> Resume | None:
        """Return what the first bracket has to say that has."""
        found = (rule.next_to_resume(is_idle=False) for rule in self.schedulers)
        step = next(filter(None, found), None)
        if step is None and is_idle:
            step = next(
                filter(None, (rule.next_to_resume(is_idle=True) for rule in self.schedulers)), None
            )
        return step

    def on_resume(self, resume: Resume) -> None:
        """Tell the trial's bracket."""
        self.scheduler_of[resume.trial].on_resume(resume)


def next_bracket(assigned: Sequence[int], shares: Sequence[float]) -> int:
    """Return whose turn it is, so that counts stay as near to `shares` as they can.

    >>> next_bracket([0, 0], [3, 1]), next_bracket([2, 0], [3, 1])
    (0, 1)
    """
    number, total = sum(assigned) + 1, sum(shares)
    lacks = [number * share / total - has for has, share in zip(assigned, shares, strict=True)]
    return max(range(len(lacks)), key=lambda each: lacks[each])


def split_trials(trials: int, shares: Sequence[float]) -> list[int]:
    """Return how many of `trials` each bracket is dealt.

    >>> split_trials(10, [3, 1])
    [8, 2]
    """
    dealt = [0] * len(shares)
    for _ in range(trials):
        dealt[next_bracket(dealt, shares)] += 1
    return dealt
