"""Half a cosine from the peak to zero (Loshchilov and Hutter, 2017, arXiv:1608.03983)."""

import math


def factor(progress: float) -> float:
    """Return what the peak learning rate is multiplied by.

    Args:
        progress: Share of the run that is over, in [0, 1].
    """
    return 0.5 * (1 + math.cos(math.pi * progress))
