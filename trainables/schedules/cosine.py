"""Half a cosine from the peak to zero (Loshchilov and Hutter, 2017, arXiv:1608.03983)."""

import math


def factor(progress: float) -> float:
    """Return the factor of the peak learning rate.

    Args:
        progress: Completed share of the run, in [0, 1].
    """
    return 0.5 * (1 + math.cos(math.pi * progress))
