"""Tree-structured Parzen estimator (Bergstra et al., 2011), as Optuna 5 has it."""

import optuna

from trainables.ranges import Natural


def build(*, seed: int, startup: Natural = 8) -> optuna.samplers.BaseSampler:
    """Return the sampler.

    Args:
        seed: Decides its draws.
        startup: Random trials before it starts to model.
    """
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=startup)
