"""Trials dealt out among rules that begin at different rungs (arXiv:1603.06560)."""

from collections.abc import Mapping, Sequence

from trainables.report import Report
from tuner.rule import Decision, Rule, Step


class Brackets(Rule):
    """Several rules side by side, each with trials of its own.

    Attributes:
        rules: One a bracket.
    """

    def __init__(self, rules: Sequence[Rule], shares: Sequence[float]) -> None:
        """Begin with no trial.

        Args:
            rules: One a bracket, all of the same levels.
            shares: Of the trials that each gets; they need not sum to one.
        """
        super().__init__(rules[0].levels)
        self.rules, self.shares = rules, shares
        self.of: dict[str, Rule] = {}
        self.dealt = [0] * len(rules)

    def begins(self, trial: str) -> int:
        """Give a new trial to the bracket that lacks most; return the level it begins with."""
        chosen = turn(self.dealt, self.shares)
        self.dealt[chosen] += 1
        self.of[trial] = self.rules[chosen]
        return self.of[trial].begins(trial)

    def reported(self, trial: str, report: Report, knobs: Mapping[str, object]) -> Decision:
        """Return what the trial's bracket decides."""
        return self.of[trial].reported(trial, report, knobs)

    def ended(self, trial: str) -> None:
        """Tell the trial's bracket."""
        self.of[trial].ended(trial)

    def next(self, *, idle: bool) -> Step | None:
        """Return what the first bracket has to say that has."""
        found = (rule.next(idle=False) for rule in self.rules)
        step = next(filter(None, found), None)
        if step is None and idle:
            step = next(filter(None, (rule.next(idle=True) for rule in self.rules)), None)
        return step

    def went_on(self, step: Step) -> None:
        """Tell the trial's bracket."""
        self.of[step.trial].went_on(step)


def turn(dealt: Sequence[int], shares: Sequence[float]) -> int:
    """Return whose turn it is, so that counts stay as near to `shares` as they can.

    >>> turn([0, 0], [3, 1]), turn([2, 0], [3, 1])
    (0, 1)
    """
    number, total = sum(dealt) + 1, sum(shares)
    lacks = [number * share / total - has for has, share in zip(dealt, shares, strict=True)]
    return max(range(len(lacks)), key=lambda each: lacks[each])


def split(trials: int, shares: Sequence[float]) -> list[int]:
    """Return how many of `trials` each bracket is dealt.

    >>> split(10, [3, 1])
    [8, 2]
    """
    dealt = [0] * len(shares)
    for _ in range(trials):
        dealt[turn(dealt, shares)] += 1
    return dealt
