"""How short and long runs may be related: covariances over knobs and fidelity.

    long(trial)  = smooth function of the knobs + what the knobs do not explain + noise
    short(trial) = long(trial) + linear function of the knobs + noise

each up to a constant. The linear function is the bias of short runs: the searched knobs themselves
decide how much a setting gains from further epochs. All variances are in units of the variance of
the short runs.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from tuner.schedulers.core.knob_features import MIDDLE

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

BIAS_VARIANCES = (0.0, 0.1, 0.4, 1.0)
"""Of the bias, on average over the ranges of the knobs."""
UNEXPLAINED_SHARES = (0.1, 0.3, 0.7)
"""Share of the variance of long runs that the knobs do not explain."""
SHORT_NOISES = (0.05, 0.3)
"""Variance of the noise of short runs."""
LONG_NOISE = 0.05
"""Variance of the noise of long runs."""
UNRELATED_WEIGHT = 0.1
"""Prior probability that short runs say nothing about long ones."""
LENGTH_SCALE = 0.6
"""Distance in the unit cube of the knobs over which accuracies change."""
LINEAR_SHARE = 0.5
"""Share of the explained variance of long runs that is linear in the knobs."""
OFFSET_VARIANCE = 4.0
"""Variance of the unknown constants of short and of long runs."""


@dataclass(frozen=True)
class Points:
    """Runs to compare.

    Attributes:
        knobs: Positions of the knobs in their ranges, from 0 to 1, (N, K).
        trials: Number of the trial of each run, (N,).
        is_long: Whether each is a long run, (N,).
    """

    knobs: Matrix
    trials: NDArray[np.intp]
    is_long: NDArray[np.bool_]


@dataclass(frozen=True)
class Hypothesis:
    """One way in which short and long runs may be related.

    Attributes:
        weight: Prior probability.
        bias: See `BIAS_VARIANCES`.
        unexplained: See `UNEXPLAINED_SHARES`.
        noise: See `SHORT_NOISES`.
        related: Whether short runs follow long ones.
    """

    weight: float
    bias: float
    unexplained: float
    noise: float
    related: bool = True

    def covariance(self, one: Points, other: Points) -> Matrix:
        """Return the covariance of the accuracies of runs without their noise, (N, M)."""
        return self.combine(
            linear_kernel(one.knobs, other.knobs),
            smooth_kernel(one.knobs, other.knobs),
            np.equal.outer(one.trials, other.trials),
            one.is_long[:, None],
            other.is_long[None],
        )

    def trial_covariance(self, knobs: Matrix, *, one_long: bool, other_long: bool) -> Vector:
        """Return the covariance of two runs of the same trial, for each trial (N, K), (N,)."""
        linear = kernel_scale(knobs) * np.square(knobs - MIDDLE).sum(axis=1)
        same = np.ones(len(knobs))
        return self.combine(linear, same, same > 0, np.array(one_long), np.array(other_long))

    def combine(
        self,
        linear: Matrix,
        smooth: Matrix,
        same_trial: NDArray[np.bool_],
        one_long: NDArray[np.bool_],
        other_long: NDArray[np.bool_],
    ) -> Matrix:
        """Return covariances from those of a linear and of a smooth function of the knobs."""
        explained = LINEAR_SHARE * linear + (1 - LINEAR_SHARE) * smooth
        long = (1 - self.unexplained) * explained + self.unexplained * same_trial
        same_length = one_long == other_long
        shared = long if self.related else long * same_length
        bias = self.bias * linear * (~one_long & ~other_long)
        total: Matrix = shared + bias + OFFSET_VARIANCE * same_length
        return total

    def noise_variances(self, points: Points) -> NDArray[np.float64]:
        """Return the variance of the noise of each run, (N,)."""
        return np.where(points.is_long, LONG_NOISE, self.noise)


def list_hypotheses() -> Iterator[Hypothesis]:
    """Yield all hypotheses; their weights sum to one."""
    grid = list(itertools.product(BIAS_VARIANCES, UNEXPLAINED_SHARES, SHORT_NOISES))
    for point in grid:
        yield Hypothesis((1 - UNRELATED_WEIGHT) / len(grid), *point)
    for unexplained in UNEXPLAINED_SHARES:
        weight = UNRELATED_WEIGHT / len(UNEXPLAINED_SHARES)
        yield Hypothesis(weight, 0.0, unexplained, SHORT_NOISES[0], related=False)


def kernel_scale(knobs: Matrix) -> float:
    """Return the factor by which a linear kernel has variance 1 for uniform knobs (N, K)."""
    return 12.0 / max(1, int(knobs.shape[1]))  # a uniform knob has variance 1 / 12


def linear_kernel(one: Matrix, other: Matrix) -> Matrix:
    """Return the covariance of a linear function of knobs, of variance 1 on average, (N, M)."""
    return kernel_scale(one) * (one - MIDDLE) @ (other - MIDDLE).T


def smooth_kernel(one: Matrix, other: Matrix) -> Matrix:
    """Return the covariance of a smooth function of knobs, of variance 1, (N, M)."""
    return np.exp(-cdist(one, other, "sqeuclidean") / (2 * LENGTH_SCALE**2))
