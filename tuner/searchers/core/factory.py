"""The Optuna samplers of a plan."""

from collections.abc import Callable
from dataclasses import dataclass

import optuna

from trainables.injection import inject
from tuner.config.components import bind_study_member
from tuner.config.plan import Plan
from tuner.searchers.core.trial_subset import TrialSubset

SEED_STRIDE = 100_003
"""Between the seeds of studies, so that the draws of one trial are not those of another study's."""


@dataclass(frozen=True, kw_only=True)
class SearcherContext:
    """What the `build` of a searcher may name.

    Attributes:
        seed: Seed of the draws of one trial.
        study_seed: Seed of the study.
        shortlist: Trials that a model is fitted to, shared by all samplers of a study.
    """

    seed: int
    study_seed: int
    shortlist: TrialSubset


def build_sampler_factory(plan: Plan) -> Callable[[int], optuna.samplers.BaseSampler]:
    """Return what makes the sampler of the trial of a number."""
    shortlist = TrialSubset()
    build: Callable[..., optuna.samplers.BaseSampler] = bind_study_member("searcher", plan.searcher)

    def sampler(number: int) -> optuna.samplers.BaseSampler:
        seed = (plan.settings.seed * SEED_STRIDE + number) % 2**32
        context = SearcherContext(seed=seed, study_seed=plan.settings.seed, shortlist=shortlist)
        return inject(build, context)()

    return sampler


def is_grid_search(plan: Plan) -> bool:
    """Return whether values are tried in turn."""
    return bool(plan.searcher["name"] == "grid")
