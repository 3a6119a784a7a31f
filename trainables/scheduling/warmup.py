"""Warm-up from zero, for the learning rate and for eps alike."""

from trainables.hparams.ranges import Fraction


def warmup_factor(progress: float, *, warmup: Fraction = 0.0) -> float:
    """Return the warm-up factor min(t / W, 1) of Bag of Tricks' text (arXiv:2010.00467).

    Its published code computes (t + 1) / W instead, which overshoots the preset value.

    Args:
        progress: Completed share of the run, in [0, 1].
        warmup: Length of the warm-up, as a share of the run: 10 of 110 epochs is 10/110.
    """
    return min(progress / warmup, 1.0) if warmup else 1.0
