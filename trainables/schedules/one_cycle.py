"""Linear to the peak, then linear to zero (Wong et al., 2020, arXiv:2001.03994)."""

from trainables.hparams.ranges import Fraction


def factor(progress: float, *, peak: Fraction = 0.4) -> float:
    """Return the factor of the peak learning rate.

    Args:
        progress: Completed share of the run, in [0, 1].
        peak: Share of the run at which the learning rate is highest.
    """
    if progress < peak:
        return progress / peak
    return (1 - progress) / (1 - peak) if peak < 1 else 1.0
