"""The trials of a large study that a sampler's model is fitted to, to bound its cost."""

import math
from bisect import insort
from collections.abc import Container, Sequence
from itertools import islice

import optuna
from optuna.trial import FrozenTrial, TrialState

N_BEST = 25
"""Optuna's TPE counts at most this many trials as good."""
Rank = tuple[int, float, float]


class TrialSubset:
    """The best, the newest finished and the newest running trials of a study.

    It is updated incrementally, but the subset depends on the trials of the study alone.

    Attributes:
        finished: Numbers of the trials that have ended and did not fail, ascending.
        best: The best of them, best first.
        unfinished: Numbers of the trials that have not ended.
    """

    def __init__(self) -> None:
        self.n_seen = 0
        self.finished: list[int] = []
        self.best: list[tuple[Rank, int]] = []
        self.unfinished: set[int] = set()

    def select(self, study: optuna.Study, limit: int) -> optuna.Study:
        """Return a study with at most `limit` of the trials; the same study if it has no more.

        With two objectives there is no best trial, and all are kept.

        Args:
            study: The same in each call.
            limit: Number of trials. Running ones are at most a quarter, if there are enough others.
        """
        if len(study.directions) > 1:
            return study
        trials = study.get_trials(deepcopy=False)
        self.update(trials)
        running = sorted(n for n in self.unfinished if trials[n].state == TrialState.RUNNING)
        if len(self.finished) + len(running) <= limit:
            return study
        running = running[-max(limit // 4, limit - len(self.finished)) :]
        slots = limit - len(running)
        best = {number for _, number in self.best[:slots]}
        newest = islice((n for n in reversed(self.finished) if n not in best), slots - len(best))
        selected = {*running, *best, *newest}
        return SubsetStudy(study, [trials[number] for number in sorted(selected)])

    def update(self, trials: Sequence[FrozenTrial]) -> None:
        """Add the trials that have started or ended since the last call."""
        self.unfinished.update(range(self.n_seen, len(trials)))
        self.n_seen = len(trials)
        for number in [n for n in self.unfinished if trials[n].state.is_finished()]:
            self.unfinished.remove(number)
            if trials[number].state != TrialState.FAIL:
                insort(self.finished, number)
                insort(self.best, (rank_trial(trials[number]), number))
                del self.best[N_BEST:]


class SubsetStudy(optuna.Study):
    """A study restricted to some of its trials."""

    def __init__(self, study: optuna.Study, selected: list[FrozenTrial]) -> None:
        self.__dict__.update(vars(study))
        self.subset = selected

    def _get_trials(
        self,
        deepcopy: bool = True,  # the trials are not modified
        states: Container[TrialState] | None = None,
        use_cache: bool = False,  # the subset is a cache already
    ) -> list[FrozenTrial]:
        return [trial for trial in self.subset if states is None or trial.state in states]


def rank_trial(trial: FrozenTrial) -> Rank:
    """Return the rank of a finished trial in Optuna's TPE; less is better.

    Completed trials come first, by value; then pruned ones, by last epoch; then those that violate
    a constraint.
    """
    violation = sum(margin for margin in trial.constraints.values() if margin > 0)
    if violation > 0:
        return 2, violation, 0.0
    if trial.state == TrialState.COMPLETE:
        assert trial.value is not None
        return 0, -trial.value, 0.0
    if not trial.intermediate_values:
        return 1, 1.0, 0.0
    step, value = max(trial.intermediate_values.items())
    return 1, -step, math.inf if math.isnan(value) else -value
