"""Half a cosine up, clipped at the target eps (Liu et al., 2020, arXiv:2006.08403)."""

import math

from trainables.hparams.ranges import AtLeastOne


def factor(progress: float, *, peak: AtLeastOne = 1.5) -> float:
    """Return the factor of eps.

    Args:
        progress: Completed share of the run, in [0, 1].
        peak: End of the unclipped curve, as a multiple of eps. With 1.5, as in the paper on MNIST,
            eps is reached after 61 % of the run; on CIFAR-10 the paper has 2.
    """
    return min(0.5 * peak * (1 - math.cos(math.pi * progress)), 1.0)
