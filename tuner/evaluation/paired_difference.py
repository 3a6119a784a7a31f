"""Whether one network is more robust than another on the same images, checked after any number.

An image is a win if only the first network is robust on it, a loss if only the second is, else a
tie: a difference D of 1, -1 or 0. A confidence sequence bounds the mean of D for images like these.
Its intervals hold at all numbers of images together, so that an evaluation may stop at any time and
for any reason. It comes from betting (Waudby-Smith and Ramdas, 2024, arXiv:2010.09686): if the mean
of D is at most m, the capital of a gambler that bets a fixed share on D > m is a supermartingale,
and by Ville's inequality ever exceeds 1 / a with probability a at most. The capital is divided
among several shares, as the best one is unknown. For m = 0 this is a sequential McNemar's test.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor

N_BETS = 50
BETS = (np.arange(N_BETS) + 0.5) / N_BETS
"""Shares of the largest possible bet."""
RESOLUTION = 0.0005
"""Distance of the means that an interval is built from."""


@dataclass(frozen=True)
class PairedCounts:
    """Images by the results of two networks.

    Attributes:
        wins: Images on which only the first is robust.
        losses: Images on which only the second is.
        ties: The others.
    """

    wins: int
    losses: int
    ties: int

    @classmethod
    def compare(cls, one: Tensor, other: Tensor) -> "PairedCounts":
        """Count the images of two masks (N,) of robust images."""
        wins, losses = int((one & ~other).sum()), int((other & ~one).sum())
        return cls(wins, losses, len(one) - wins - losses)

    @property
    def number(self) -> int:
        """Images."""
        return self.wins + self.losses + self.ties

    @property
    def mean(self) -> float:
        """Mean difference."""
        return (self.wins - self.losses) / max(self.number, 1)

    @property
    def reversed(self) -> "PairedCounts":
        """The counts with the two networks exchanged."""
        return PairedCounts(self.losses, self.wins, self.ties)

    def sign(self, error: float) -> int:
        """Return 1 if the first network is more robust, -1 if the second is, 0 if undecided.

        Args:
            error: Probability that this is ever 1 or -1 without being right.
        """
        if log_capital(self, 0.0) >= math.log(2 / error):
            return 1
        return -1 if log_capital(self.reversed, 0.0) >= math.log(2 / error) else 0

    def interval(self, error: float) -> tuple[float, float]:
        """Return the interval of the mean difference.

        Args:
            error: Probability that one of the intervals, at any number of images, is wrong.
        """
        means = np.arange(-1 + RESOLUTION, 1, RESOLUTION)
        limit = math.log(2 / error)
        above = np.array([log_capital(self, mean) < limit for mean in means])
        below = np.array([log_capital(self.reversed, -mean) < limit for mean in means])
        kept: NDArray[np.float64] = means[above & below]
        if not len(kept):
            return self.mean, self.mean
        return max(float(kept[0]) - RESOLUTION, -1.0), min(float(kept[-1]) + RESOLUTION, 1.0)


def log_capital(counts: PairedCounts, mean: float) -> float:
    """Return the logarithm of what a capital of 1 has become by bets that the difference exceeds m.

    Args:
        counts: The images so far.
        mean: m, in (-1, 1).
    """
    bets = BETS / (1 + mean)
    logs = (
        counts.wins * np.log1p(bets * (1 - mean))
        + counts.ties * np.log1p(-bets * mean)
        + counts.losses * np.log1p(-bets * (1 + mean))
    )
    return float(logsumexp(logs)) - math.log(N_BETS)


def prefix_counts(one: Tensor, other: Tensor, number: int) -> PairedCounts:
    """Return the counts of the first `number` images of two masks (N,)."""
    return PairedCounts.compare(one[:number].to(torch.bool), other[:number].to(torch.bool))
