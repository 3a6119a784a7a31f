"""Constant, then straight lines to a tenth and to a hundredth (Rice et al., arXiv:2002.11569).

The schedule `linear` of their published code.
"""

from typing import Annotated

from pydantic import AfterValidator

from trainables.hparams.ranges import OpenFraction, valid_milestones

Bends = Annotated[tuple[OpenFraction, OpenFraction], AfterValidator(valid_milestones)]


def factor(progress: float, *, bends: Bends = (66 / 200, 133 / 200)) -> float:
    """Return the factor of the peak learning rate.

    Args:
        progress: Completed share of the run, in [0, 1].
        bends: Milestones as shares of the run: the factor is 1 up to the first, 0.1 at the second
            and 0.01 at the end. The published code rounds a third and two thirds of the run down to
            whole epochs, here of 200.
    """
    first, second = bends
    if progress < first:
        return 1.0
    if progress < second:
        return 1.0 - 0.9 * (progress - first) / (second - first)
    return 0.1 - 0.09 * (progress - second) / (1 - second)
