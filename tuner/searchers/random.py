"""Independent draws (Bergstra and Bengio, 2012)."""

import optuna


def build(*, seed: int) -> optuna.samplers.BaseSampler:
    """Return the sampler."""
    return optuna.samplers.RandomSampler(seed=seed)
