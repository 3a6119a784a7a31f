"""A Gaussian process and expected improvement (Jones et al., 1998), as implemented in Optuna 5."""

import optuna

from trainables.hparams.ranges import Natural


def build(*, seed: int, startup: Natural = 10) -> optuna.samplers.BaseSampler:
    """Return the sampler.

    Args:
        seed: Seed of its draws.
        startup: Random trials before it starts to model.
    """
    return optuna.samplers.GPSampler(seed=seed, n_startup_trials=startup)
