"""NSGA-II (Deb et al., 2002): crosses the trials that no other beats, for studies of many trials.

Simulated binary crossover and polynomial mutation, as published. What is listed is taken from
either parent. What it knows of generations is kept with the trials.
"""

import optuna
from optuna.samplers.nsgaii import PolynomialMutation, SBXCrossover

from trainables.hparams.ranges import AtLeastTwo


def build(*, seed: int, population: AtLeastTwo = 10) -> optuna.samplers.BaseSampler:
    """Return the sampler.

    Args:
        seed: Decides its draws.
        population: Whole trials of a generation; the first is drawn at random.
    """
    return optuna.samplers.NSGAIISampler(
        seed=seed,
        population_size=population,
        # genes taken over as they are could make a copy of a parent, which would train the same
        crossover_prob=1.0,
        crossover=SBXCrossover(use_child_gene_prob=1.0),
        mutation=PolynomialMutation(),
    )


def adopted() -> dict[str, int]:
    """Return what makes a trial that it did not propose one of its first generation."""
    return {optuna.samplers.NSGAIISampler._get_generation_key(): 0}
