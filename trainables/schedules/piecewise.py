"""Step decay at given milestones: Bag of Tricks' baseline (arXiv:2010.00467)."""

from trainables.hparams.ranges import Milestones, Positive


def factor(
    progress: float, *, drops: Milestones = (100 / 110, 105 / 110), decay: Positive = 0.1
) -> float:
    """Return the factor of the peak learning rate.

    Args:
        progress: Completed share of the run, in [0, 1].
        drops: Milestones of the drops, as shares of the run: epoch 100 of 110 is 100/110.
        decay: Factor of each drop.
    """
    return float(decay ** sum(progress >= drop for drop in drops))
