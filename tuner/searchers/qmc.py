"""A scrambled Sobol sequence: more uniform than random search (Bergstra and Bengio, 2012).

Listed values, and knobs that only some variants search, are drawn at random.
"""

import optuna

LEARNS = False
"""Whether it learns from trials that it did not propose."""


def build(*, seed: int, study_seed: int) -> optuna.samplers.BaseSampler:
    """Return the sampler.

    Args:
        seed: Seed of the random draws.
        study_seed: Seed of the scrambling, which all trials of a study must share.
    """
    return optuna.samplers.QMCSampler(
        scramble=True,
        seed=study_seed,
        independent_sampler=optuna.samplers.RandomSampler(seed=seed),
        warn_independent_sampling=False,
        warn_asynchronous_seeding=False,
    )
