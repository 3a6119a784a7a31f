"""PriorBand's sampling (Mallik et al., 2023, arXiv:2306.12370): priors, the incumbent, uniform.

The first trial is the centre of the prior, the next eta are uniform. Later ones are drawn uniformly
with probability 1 / (1 + eta^r), else from the prior or around the best trial so far, in proportion
to the densities that each has at the best 1 / eta of the trials. A wrong prior so loses its share
once a few trials have ended. When `startup` trials have ended, TPE proposes those that do not come
from the prior. The prior is that of the user, `prior(VALUE,SPREAD)` or a file, and of the recipes
in `search_spaces/recipes` with the same data, threat and about the same eps; those with the same
method or network count twice.

PriorBand's r is the rung of HyperBand at which a trial starts. A searcher knows no rungs; here r is
the logarithm to base eta of one more than the trials that have ended, rounded down. Around the best
trial each knob is perturbed with probability 1/2, at least one. With two objectives, the best
trials are those of the Pareto front.
"""

import optuna

from trainables.hparams.ranges import AtLeastTwo, Natural, OpenFraction, PathText
from tuner.searchers import tpe
from tuner.searchers.core.config_prior import PriorBuilder
from tuner.searchers.core.prior_sampler import PriorSampler
from tuner.searchers.core.trial_subset import TrialSubset


def build(
    *,
    seed: int,
    number: int,
    shortlist: TrialSubset,
    priors: PriorBuilder,
    prior: PathText | None = None,  # `apply_prior_file` reads it into the domains
    recipes: bool = True,
    spread: OpenFraction = 0.125,
    eta: AtLeastTwo = 3,
    local: OpenFraction = 0.25,
    startup: Natural = 8,
) -> optuna.samplers.BaseSampler:
    """Return the sampler.

    Args:
        seed: Seed of its draws.
        number: Number of the trial.
        shortlist: Trials of the study, shared by its samplers.
        priors: Builds the prior of the study.
        prior: YAML file of priors, a line for each knob: `optimizer.weight_decay: [5e-4, 3]` is
            the most probable value and the spread. The spread is a factor on logarithmic ranges
            (here one standard deviation is 5e-4 / 3 to 5e-4 * 3), the standard deviation on
            linear ones, and the probability of the value among listed ones. `None`: the priors
            typed as prior(VALUE,SPREAD) and those of recipes alone.
        recipes: Whether knobs without a prior of the user get that of the published recipes.
        spread: Standard deviation around the value of a recipe, as a share of the range.
        eta: Share 1 / eta of the trials that count as good.
        local: Standard deviation around the best trial, as a share of the range.
        startup: Trials that must have ended before TPE is used.
    """
    built = priors.build(recipes=recipes, spread=spread)
    model = tpe.build(seed=seed, shortlist=shortlist, startup=startup)
    return PriorSampler(
        built,
        shortlist,
        seed=seed,
        number=number,
        eta=eta,
        local=local,
        startup=startup,
        model=model,
    )
