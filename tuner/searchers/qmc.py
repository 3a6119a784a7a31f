"""A scrambled Sobol sequence: more even than chance (Bergstra and Bengio, 2012).

What is listed, or searched by some variants only, is drawn at random.
"""

import optuna

LEARNS = False
"""From trials that it did not propose."""


def build(*, seed: int, study_seed: int) -> optuna.samplers.BaseSampler:
    """Return the sampler.

    Args:
        seed: Decides what is drawn at random.
        study_seed: Decides the scrambling, which all trials of a study must share.
    """
    return optuna.samplers.QMCSampler(
        scramble=True,
        seed=study_seed,
        independent_sampler=optuna.samplers.RandomSampler(seed=seed),
        warn_independent_sampling=False,
        warn_asynchronous_seeding=False,
    )
