"""Independent draws (Bergstra and Bengio, 2012)."""

import optuna

LEARNS = False
"""Whether it learns from trials that it did not propose."""


def build(*, seed: int) -> optuna.samplers.BaseSampler:
    """Return the sampler."""
    return optuna.samplers.RandomSampler(seed=seed)
