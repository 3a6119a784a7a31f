"""Up to the peak, then down to zero (Wong et al., 2020, arXiv:2001.03994)."""

import math
from typing import Literal

from trainables.hparams.ranges import Fraction


def factor(
    progress: float,
    *,
    peak: Fraction = 0.4,
    first: Fraction = 0.0,
    shape: Literal["linear", "cosine"] = "linear",
) -> float:
    """Return the factor of the peak learning rate.

    Args:
        progress: Completed share of the run, in [0, 1].
        peak: Share of the run at which the learning rate is highest.
        first: Factor at the start; torch's `OneCycleLR` has 1/25.
        shape: Both ways are straight lines, or halves of a cosine as in torch's `OneCycleLR`.
    """
    if progress < peak:
        return first + (1 - first) * height(progress / peak, shape)
    return height((1 - progress) / (1 - peak), shape) if peak < 1 else 1.0


def height(share: float, shape: str) -> float:
    """Return the height at a share of the way from 0 up to 1."""
    return share if shape == "linear" else (1 - math.cos(math.pi * share)) / 2
