"""Auto-PGD towards the likeliest wrong classes (Croce and Hein, 2020, arXiv:2003.01690)."""

from functools import partial

from trainables.evaluation import apgd
from trainables.evaluation.attempt import AttackAttempt
from trainables.hparams.ranges import Count

NUMBERS = ("steps",)


def passes(*, classes: int, steps: Count = 100, targets: Count = 9) -> list[AttackAttempt]:
    """Return one pass a target.

    Args:
        classes: Number of classes K.
        steps: Steps of each.
        targets: How many classes to try; all there are if fewer.
    """
    ranks = range(2, min(targets, classes - 1) + 2)
    return [partial(apgd.run_apgd, loss="dlr-targeted", target=rank, steps=steps) for rank in ranks]


def clashes(classes: int) -> str | None:
    """Return why the attack cannot be made on so many classes, if it cannot."""
    return f"needs at least 4 classes, got {classes}" if classes < 4 else None
