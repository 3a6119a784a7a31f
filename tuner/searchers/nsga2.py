"""NSGA-II (Deb et al., 2002): crossover of Pareto-optimal trials, for studies of many trials.

Simulated binary crossover and polynomial mutation, as published. Listed values are taken
from either parent. The generation of a trial is stored as an attribute of the trial.
"""

import optuna
from optuna.samplers.nsgaii import PolynomialMutation, SBXCrossover

from trainables.hparams.ranges import AtLeastTwo


def build(*, seed: int, population: AtLeastTwo = 10) -> optuna.samplers.BaseSampler:
    """Return the sampler.

    Args:
        seed: Seed of its draws.
        population: Completed trials per generation; the first generation is random.
    """
    return optuna.samplers.NSGAIISampler(
        seed=seed,
        population_size=population,
        # unchanged genes could make a copy of a parent, which would train identically
        crossover_prob=1.0,
        crossover=SBXCrossover(use_child_gene_prob=1.0),
        mutation=PolynomialMutation(),
    )


def adopted() -> dict[str, int]:
    """Return system attributes that put a trial of another sampler into generation 0."""
    return {optuna.samplers.NSGAIISampler._get_generation_key(): 0}
