"""Which trials of a large study a model is made from, whose cost grows with their number."""

import math
from bisect import insort
from collections.abc import Container, Sequence
from itertools import islice

import optuna
from optuna.trial import FrozenTrial, TrialState

N_BEST = 25
"""Optuna's estimator takes at most as many trials for the good ones."""
Rank = tuple[int, float, float]


class TrialSubset:
    """The best trials of a study, the newest that have ended and the newest that run.

    It remembers what it has seen of a study, so that each look costs what is new. What it shows
    depends on what the study knows and on nothing else.

    Attributes:
        finished: Numbers of the trials that have ended and did not fail, rising.
        best: The best of them, best first.
        unfinished: Numbers of those that have not ended.
    """

    def __init__(self) -> None:
        self.n_seen = 0
        self.finished: list[int] = []
        self.best: list[tuple[Rank, int]] = []
        self.unfinished: set[int] = set()

    def select(self, study: optuna.Study, limit: int) -> optuna.Study:
        """Return a study that shows at most so many trials; itself if it has no more.

        Of two objectives no trial is the best, and all are shown.

        Args:
            study: The same in each call.
            limit: Trials; those that run take at most a quarter of the places, if others need them.
        """
        if len(study.directions) > 1:
            return study
        trials = study.get_trials(deepcopy=False)
        self.update(trials)
        running = sorted(n for n in self.unfinished if trials[n].state == TrialState.RUNNING)
        if len(self.finished) + len(running) <= limit:
            return study
        running = running[-max(limit // 4, limit - len(self.finished)) :]
        room = limit - len(running)
        best = {number for _, number in self.best[:room]}
        newest = islice((n for n in reversed(self.finished) if n not in best), room - len(best))
        shown = {*running, *best, *newest}
        return SubsetStudy(study, [trials[number] for number in sorted(shown)])

    def update(self, trials: Sequence[FrozenTrial]) -> None:
        """Take note of what has begun and ended since the last time."""
        self.unfinished.update(range(self.n_seen, len(trials)))
        self.n_seen = len(trials)
        for number in [n for n in self.unfinished if trials[n].state.is_finished()]:
            self.unfinished.remove(number)
            if trials[number].state != TrialState.FAIL:
                insort(self.finished, number)
                insort(self.best, (rank_trial(trials[number]), number))
                del self.best[N_BEST:]


class SubsetStudy(optuna.Study):
    """A study of which some trials alone are seen."""

    def __init__(self, study: optuna.Study, shown: list[FrozenTrial]) -> None:
        self.__dict__.update(vars(study))
        self.subset = shown

    def _get_trials(
        self,
        deepcopy: bool = True,  # noqa: ARG002  # nobody changes what is shown
        states: Container[TrialState] | None = None,
        use_cache: bool = False,  # noqa: ARG002  # it is one already
    ) -> list[FrozenTrial]:
        return [trial for trial in self.subset if states is None or trial.state in states]


def rank_trial(trial: FrozenTrial) -> Rank:
    """Return where Optuna's estimator places a trial that has ended; less is better.

    Whole ones come first, by their value; then those stopped early, by how far they came; at last
    those that miss a constraint.
    """
    missed = sum(margin for margin in trial.constraints.values() if margin > 0)
    if missed > 0:
        return 2, missed, 0.0
    if trial.state == TrialState.COMPLETE:
        assert trial.value is not None
        return 0, -trial.value, 0.0
    if not trial.intermediate_values:
        return 1, 1.0, 0.0
    step, value = max(trial.intermediate_values.items())
    return 1, -step, math.inf if math.isnan(value) else -value
