"""The Optuna samplers of a plan."""

from collections.abc import Callable
from dataclasses import dataclass, field

import optuna

from trainables.injection import inject
from tuner.config.plan import Plan, bind_study_member
from tuner.searchers.core.config_prior import PriorBuilder
from tuner.searchers.core.trial_subset import TrialSubset

SEED_STRIDE = 100_003
"""Distance between the seeds of studies, so that two studies do not share draws."""


@dataclass(frozen=True, kw_only=True)
class SearcherContext:
    """Values that the `build` of a searcher may take by name.

    Attributes:
        seed: Seed of the draws of one trial.
        study_seed: Seed of the study.
        number: Number of the trial, transferred ones included.
        shortlist: Trials that a model is fitted to, shared by all samplers of a study.
        priors: Builds the prior of the study.
    """

    seed: int
    study_seed: int
    number: int
    shortlist: TrialSubset
    priors: PriorBuilder = field(default_factory=PriorBuilder)


def build_sampler_factory(plan: Plan) -> Callable[[int], optuna.samplers.BaseSampler]:
    """Return a function from the number of a trial to its sampler."""
    shortlist, priors = TrialSubset(), PriorBuilder(plan.variants, plan.recipe)
    build: Callable[..., optuna.samplers.BaseSampler] = bind_study_member("searcher", plan.searcher)

    def sampler(number: int) -> optuna.samplers.BaseSampler:
        seed = (plan.settings.seed * SEED_STRIDE + number) % 2**32
        context = SearcherContext(
            seed=seed,
            study_seed=plan.settings.seed,
            number=number,
            shortlist=shortlist,
            priors=priors,
        )
        return inject(build, context)()

    return sampler


def is_grid_search(plan: Plan) -> bool:
    """Return whether the searcher is grid search."""
    return bool(plan.searcher["name"] == "grid")
