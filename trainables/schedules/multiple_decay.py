"""Many small drops of equal size (Rice et al., 2020, arXiv:2002.11569).

The schedule `multipledecay` of their published code.
"""

from trainables.hparams.ranges import Count

ROUNDING = 1e-9
"""Keeps a share of the run that is rounded down from missing its drop."""


def factor(progress: float, *, levels: Count = 10) -> float:
    """Return the factor of the peak learning rate.

    Args:
        progress: Completed share of the run, in [0, 1].
        levels: Number of equally long levels. Each is lower than the one before by the same amount,
            down to one part in `levels` of the peak; at the very end the factor is 0.
    """
    return 1 - int(progress * levels + ROUNDING) / levels
