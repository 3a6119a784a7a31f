"""Auto-PGD on cross-entropy (Croce and Hein, 2020, arXiv:2003.01690)."""

from functools import partial

from trainables.evaluation import autoattack
from trainables.evaluation.attempt import AttackAttempt
from trainables.hparams.ranges import Count

NUMBERS = ("steps", "restarts")


def passes(*, steps: Count = 100, restarts: Count = 1) -> list[AttackAttempt]:
    """Return one attempt for each restart.

    Args:
        steps: Steps of each attempt.
        restarts: Independent attacks; the strongest counts.
    """
    return [partial(autoattack.run_apgd, loss="ce", steps=steps)] * restarts
