"""A line up, clipped at the target eps (Liu et al., 2020, arXiv:2006.08403)."""

from trainables.hparams.ranges import AtLeastOne


def factor(progress: float, *, peak: AtLeastOne = 2.0) -> float:
    """Return the factor of eps.

    Args:
        progress: Completed share of the run, in [0, 1].
        peak: End of the unclipped line, as a multiple of eps: with 2, eps is reached after half of
            the run, with 1 at its end.
    """
    return min(peak * progress, 1.0)
