"""A scrambled Sobol sequence: more uniform than random search (Bergstra and Bengio, 2012).

Listed values, and knobs that only some variants search, are drawn at random.
"""

from typing import Any

import optuna

LEARNS = False
"""Whether it learns from trials that it did not propose."""


class NumberedSampler(optuna.samplers.QMCSampler):
    """Gives each trial the point of its number.

    Optuna counts the points in the study instead: a process that dies between counting a point and
    adding its trial leaves that point out.
    """

    number = 0

    def _find_sample_id(self, study: optuna.Study, search_space: dict[str, Any]) -> int:
        return max(0, self.number - 1)  # the first trial is drawn at random


def build(*, seed: int, study_seed: int, number: int) -> optuna.samplers.BaseSampler:
    """Return the sampler.

    Args:
        seed: Seed of the random draws.
        study_seed: Seed of the scrambling, which all trials of a study must share.
        number: Number of the trial.
    """
    sampler = NumberedSampler(
        scramble=True,
        seed=study_seed,
        independent_sampler=optuna.samplers.RandomSampler(seed=seed),
        warn_independent_sampling=False,
        warn_asynchronous_seeding=False,
    )
    sampler.number = number
    return sampler
