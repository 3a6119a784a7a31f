"""Auto-PGD towards the most likely wrong classes (Croce and Hein, 2020, arXiv:2003.01690)."""

from functools import partial

from trainables.evaluation import autoattack
from trainables.evaluation.attempt import AttackAttempt
from trainables.hparams.ranges import Count

NUMBERS = ("steps",)


def passes(*, classes: int, steps: Count = 100, targets: Count = 9) -> list[AttackAttempt]:
    """Return one attempt for each target.

    Args:
        classes: Number of classes K.
        steps: Steps of each attempt.
        targets: Number of wrong classes to attack; all if there are fewer.
    """
    ranks = range(2, min(targets, classes - 1) + 2)
    return [
        partial(autoattack.run_apgd, loss="dlr-targeted", target=rank, steps=steps)
        for rank in ranks
    ]


def conflicts(classes: int) -> str | None:
    """Return why the attack does not work with so few classes, or `None`."""
    return f"needs at least 4 classes, got {classes}" if classes < 4 else None
