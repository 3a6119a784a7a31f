"""Hyperband (Li et al., 2018, arXiv:1603.06560): successive halving, begun early and late."""

from trainables.ranges import Inside
from tuner.brackets import Brackets, split
from tuner.halving import Halving
from tuner.ladder import Course
from tuner.rule import Rule
from tuner.schedulers.asha import Factor, spaced


def build(*, course: Course, grace: Inside = 0.1, reduction_factor: Factor = 3) -> Rule:
    """Return one bracket for each rung to begin with, and one that stops nothing.

    Args:
        course: How far trials may go.
        grace: Share of the epochs before the first rung of the first bracket.
        reduction_factor: One in this many goes on; each rung lies this many times later.
    """
    ladder = course.ladder(spaced(grace, reduction_factor))
    last = len(ladder.rungs)
    # the paper's sizes: all brackets cost about the same
    shares = [reduction_factor ** (last - first) / (last - first + 1) for first in range(last + 1)]
    rules = [
        Halving(ladder, [1 / reduction_factor], trials, first=first)
        for first, trials in enumerate(split(course.trials, shares))
    ]
    return Brackets(rules, shares)
