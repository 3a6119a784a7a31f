"""Half a cosine up, past the target and cut off at it (Liu et al., 2020, arXiv:2006.08403)."""

import math

from trainables.hparams.ranges import AtLeastOne


def factor(progress: float, *, peak: AtLeastOne = 1.5) -> float:
    """Return what eps is multiplied by.

    Args:
        progress: Share of the run that is over, in [0, 1].
        peak: Where the curve would end, as a multiple of eps: at 1.5, the paper's on MNIST, the
            target is reached after 61 % of the run and kept; on CIFAR-10 they use 2.
    """
    return min(0.5 * peak * (1 - math.cos(math.pi * progress)), 1.0)
