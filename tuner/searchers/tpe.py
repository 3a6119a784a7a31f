"""Tree-structured Parzen estimator (Bergstra et al., 2011), as implemented in Optuna 5."""

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from trainables.hparams.ranges import Count, Natural
from tuner.searchers.core.trial_subset import TrialSubset


def build(
    *, seed: int, shortlist: TrialSubset, startup: Natural = 8, most: Count = 400
) -> optuna.samplers.BaseSampler:
    """Return the sampler.

    Args:
        seed: Seed of its draws.
        shortlist: Trials of the study, shared by its samplers.
        startup: Random trials before it starts to model.
        most: Maximum number of trials to model: the 25 best and the newest, if there are more. A
            proposal takes 12 ms with 400 trials and 102 ms with 10,000 (docs/scale.md). Below 334,
            fewer than 25 count as good.
    """
    return SubsetTPESampler(shortlist, most, seed=seed, n_startup_trials=startup)


class SubsetTPESampler(optuna.samplers.TPESampler):
    """TPE fitted to a subset of the trials of a study."""

    def __init__(
        self, shortlist: TrialSubset, most: int, *, seed: int, n_startup_trials: int
    ) -> None:
        super().__init__(seed=seed, n_startup_trials=n_startup_trials)
        self.trial_subset, self.max_trials = shortlist, most
        self.last_subset: tuple[int, optuna.Study] | None = None

    def select_subset(self, study: optuna.Study, trial: FrozenTrial) -> optuna.Study:
        """Return the study that a trial is proposed from."""
        if self.last_subset is None or self.last_subset[0] != trial.number:
            self.last_subset = trial.number, self.trial_subset.select(study, self.max_trials)
        return self.last_subset[1]

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the distributions that are sampled jointly."""
        return super().infer_relative_search_space(self.select_subset(study, trial), trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, object]:
        """Return the values that are sampled jointly, by name."""
        return super().sample_relative(self.select_subset(study, trial), trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> object:
        """Return the value of a parameter that is sampled independently."""
        subset = self.select_subset(study, trial)
        return super().sample_independent(subset, trial, param_name, param_distribution)
