"""Covariance matrix adaptation (Hansen, 2016, arXiv:1604.00772), for ranges of numbers.

What is listed, or searched by some variants only, is drawn at random.
"""

import optuna

from trainables.ranges import Natural

LEARNS = False
"""From trials that it did not propose."""
SINGLE = True
"""It maximises one number."""


def build(*, seed: int, startup: Natural = 1) -> optuna.samplers.BaseSampler:
    """Return the sampler.

    Args:
        seed: Decides its draws.
        startup: Random trials before it starts to adapt.
    """
    return optuna.samplers.CmaEsSampler(
        seed=seed, n_startup_trials=startup, warn_independent_sampling=False
    )
