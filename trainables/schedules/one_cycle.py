"""Straight up to the peak and straight down to zero (Wong et al., 2020, arXiv:2001.03994)."""

from trainables.hparams.ranges import Fraction


def factor(progress: float, *, peak: Fraction = 0.4) -> float:
    """Return what the peak learning rate is multiplied by.

    Args:
        progress: Share of the run that is over, in [0, 1].
        peak: When the rate is highest, as a share of the run.
    """
    if progress < peak:
        return progress / peak
    return (1 - progress) / (1 - peak) if peak < 1 else 1.0
