"""Straight up, past the target and cut off at it (Liu et al., 2020, arXiv:2006.08403)."""

from trainables.hparams.ranges import AtLeastOne


def factor(progress: float, *, peak: AtLeastOne = 2.0) -> float:
    """Return what eps is multiplied by.

    Args:
        progress: Share of the run that is over, in [0, 1].
        peak: Where the line would end, as a multiple of eps: at 2, the target is reached half-way
            and kept. 1 reaches it at the very end.
    """
    return min(peak * progress, 1.0)
