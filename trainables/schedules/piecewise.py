"""Drops at given moments: Bag of Tricks' baseline (arXiv:2010.00467)."""

from trainables.hparams.ranges import Milestones, Positive


def factor(
    progress: float, *, drops: Milestones = (100 / 110, 105 / 110), decay: Positive = 0.1
) -> float:
    """Return what the peak learning rate is multiplied by.

    Args:
        progress: Share of the run that is over, in [0, 1].
        drops: When the rate drops, as shares of the run: epoch 100 of 110 is 100/110.
        decay: What each drop multiplies it by.
    """
    return float(decay ** sum(progress >= drop for drop in drops))
