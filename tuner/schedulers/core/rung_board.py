"""The trials that have reached a rung, ranked by one or two accuracies."""

import math
from bisect import bisect_left, insort
from collections.abc import Collection, Iterator, Mapping

from tuner.schedulers.core.ranking import RankingAccuracy, RungAccuracies

Scores = tuple[float, float]
"""Robust and clean accuracy, as fractions."""


class RungBoard:
    """The trials that have reached a rung, kept sorted: a study asks for the best often.

    Attributes:
        values: What each trial ranks by.
        promoted: Trials that have continued from this rung.
        expected: Trials that are running towards this rung.
    """

    def __init__(self) -> None:
        self.accuracies = RungAccuracies()
        self.values: dict[str, float] = {}
        self.promoted: set[str] = set()
        self.expected: set[str] = set()
        self.ranking: list[tuple[float, str]] = []
        self.paused: list[tuple[float, str]] = []

    def add(
        self,
        trial: str,
        accuracy: RankingAccuracy,
        clean: float = 0.0,
        knobs: Mapping[str, object] | None = None,
    ) -> None:
        """Add a paused trial; of equal values the earlier trial ranks higher.

        Args:
            trial: Its number.
            accuracy: The highest robust accuracies of its run so far.
            clean: Clean accuracy at its most robust epoch, as a fraction.
            knobs: Its searched knobs by path, for boards that learn from them.
        """
        self.expected.discard(trial)
        if self.accuracies.append(accuracy):
            self.rank_again(dict(zip([*self.values, trial], self.accuracies.values, strict=True)))
            return
        self.insert(trial, self.accuracies.values[-1])

    def insert(self, trial: str, value: float) -> None:
        """Rank a new trial by a value."""
        self.values[trial] = value
        insort(self.ranking, (-value, trial))
        insort(self.paused, (-value, trial))

    def record_next_run(self, trial: str, accuracy: float) -> None:
        """Record what the next, longer run of a trial has reached, for boards that learn from it.

        Args:
            trial: Its number.
            accuracy: Highest robust accuracy of that run, as a fraction.
        """

    def rank_again(self, values: dict[str, float]) -> None:
        """Rank all trials by new values."""
        self.values = values
        self.ranking = sorted((-value, trial) for trial, value in values.items())
        self.paused = [each for each in self.ranking if each[1] not in self.promoted]

    def drop_failed(self, trial: str) -> None:
        """Record that a paused trial has failed; its place counts as taken."""
        self.promote(trial)

    def promote(self, trial: str) -> None:
        """Record that a trial has continued."""
        self.promoted.add(trial)
        del self.paused[bisect_left(self.paused, (-self.values[trial], trial))]

    def is_paused(self, trial: str) -> bool:
        """Return whether a trial has reached the rung and has not continued."""
        return trial in self.values and trial not in self.promoted

    def best_paused(self, slots: int, *, above_rest: bool = False) -> str | None:
        """Return the best paused trial, or `None` if `slots` trials have been better.

        Args:
            slots: How many trials continue.
            above_rest: Whether the trial must be better than the first one without a slot: of
                equal trials none is better than the others.
        """
        if not self.paused or bisect_left(self.ranking, self.paused[0]) >= slots:
            return None
        value, trial = self.paused[0]
        if above_rest and slots < len(self.ranking) and value >= self.ranking[slots][0]:
            return None
        return trial


class ParetoBoard(RungBoard):
    """The trials that have reached a rung, ranked by robust and clean accuracy.

    A trial ranks by the number of fronts that dominate it, then by the area that it alone adds to
    its front. So all of a front continue before any that they dominate.

    Attributes:
        clean: Clean accuracy of each trial.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clean: dict[str, float] = {}

    def add(
        self,
        trial: str,
        accuracy: RankingAccuracy,
        clean: float = 0.0,
        knobs: Mapping[str, object] | None = None,
    ) -> None:
        """Add a paused trial and rank all again: it may dominate others."""
        self.clean[trial] = clean
        self.expected.discard(trial)
        self.accuracies.append(accuracy)
        pairs = zip(self.accuracies.values, self.clean.values(), strict=True)
        self.rank_again(rank_by_fronts(dict(zip(self.clean, pairs, strict=True))))


def rank_by_fronts(scores: dict[str, Scores]) -> dict[str, float]:
    """Return a value of each trial by which all rank: minus the front's number, plus its area.

    >>> rank_by_fronts({"a": (0.5, 0.6), "b": (0.4, 0.8), "c": (0.3, 0.7)})
    {'a': 0.06, 'b': 0.08, 'c': -0.79}
    """
    values = {}
    for number, front in enumerate(split_into_fronts(scores.values())):
        areas = dict(zip(front, exclusive_areas(front), strict=True))
        for name, pair in scores.items():
            if pair in areas:
                values[name] = round(areas[pair] - number, 12)
    return {name: values[name] for name in scores}


def split_into_fronts(scores: Collection[Scores]) -> Iterator[list[Scores]]:
    """Yield the fronts of pairs, each sorted by falling first values, the dominating one first.

    >>> list(split_into_fronts([(0.5, 0.6), (0.4, 0.8), (0.3, 0.7)]))
    [[(0.5, 0.6), (0.4, 0.8)], [(0.3, 0.7)]]
    """
    left = sorted(set(scores), reverse=True)
    while left:
        front, highest = list[Scores](), -math.inf
        for pair in left:
            if pair[1] > highest:
                front.append(pair)
                highest = pair[1]
        yield front
        left = sorted(set(left) - set(front), reverse=True)


def exclusive_areas(front: list[Scores]) -> list[float]:
    """Return the area that each pair of a front alone dominates.

    >>> exclusive_areas([(3.0, 1.0), (2.0, 3.0)])
    [1.0, 4.0]
    """
    after = [*(first for first, _ in front[1:]), 0.0]
    before = [0.0, *(second for _, second in front[:-1])]
    return [
        (first - low) * (second - left)
        for (first, second), low, left in zip(front, after, before, strict=True)
    ]
