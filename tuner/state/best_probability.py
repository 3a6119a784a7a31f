"""The probability of each configuration to be the best, given its accuracies over seeds.

The model: the true accuracies of the configurations are normal around a common mean. A measured
mean differs from the true one by the sampling error of the validation split, which further seeds do
not reduce because all are validated on the same images, and by the noise of its seeds. The spread
of the true accuracies and the noise of the seeds are unknown; both are integrated out. So
configurations with equal results get equal probabilities, and the leader of many is not
overrated.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean, variance

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

N_DRAWS = 20_000
"""Samples of the true accuracies; two standard errors are 0.7 points."""
SEED_SPREAD = 0.005
"""Standard deviation over seeds that is assumed before any configuration has two, in accuracy."""
SEED_SPREAD_FREEDOM = 2
"""Degrees of freedom that this assumption is worth."""
TYPICAL_SPREAD = 0.01
"""Median of the prior of the standard deviation of the true accuracies (half-Cauchy)."""
TIE_PROBABILITY = 0.3
"""Prior probability that two configurations are exactly equal; each counts as half the best."""
N_TIED_LEADERS = 4
"""Only ties among so many of the best are modelled: other ties hardly matter."""
N_SPREADS, N_NOISES = 60, 20
"""Points at which the two unknowns are integrated."""
Vector = NDArray[np.float64]


def pooled_deviation(groups: Iterable[Sequence[float]]) -> tuple[float, int]:
    """Return the pooled standard deviation over seeds and its degrees of freedom.

    >>> spread, freedom = pooled_deviation([[1.0, 3.0], [5.0, 5.0], [7.0]])
    >>> spread, freedom
    (1.0, 2)
    """
    several = [values for values in groups if len(values) > 1]
    freedom = sum(len(values) - 1 for values in several)
    squares = sum((len(values) - 1) * variance(values) for values in several)
    return (math.sqrt(squares / freedom) if freedom else 0.0), freedom


def best_probabilities(groups: Sequence[Sequence[float]], n_images: int) -> Vector:
    """Return for each configuration the probability that its true accuracy is the highest.

    Args:
        groups: Accuracies of each configuration, one per seed.
        n_images: Images of the validation split.
    """
    rng = np.random.default_rng(0)
    means = np.array([mean(values) for values in groups])
    n_seeds = np.array([len(values) for values in groups], dtype=float)
    # an accuracy of 0 or 1 has an error too (Laplace's rule)
    smoothed = (means * n_images + 1) / (n_images + 2)
    sampling = smoothed * (1 - smoothed) / n_images
    noises, spreads = (
        grid.ravel() for grid in np.meshgrid(noise_quantiles(groups), spread_quantiles())
    )
    error = sampling + (noises**2)[:, None] / n_seeds
    spread = (spreads**2)[:, None]
    cases = list_tie_cases(means, error)
    fits = np.array([
        case.log_weight + log_likelihoods(case.means, case.error + spread) for case in cases
    ])
    weights = np.exp(fits - fits.max())
    numbers = rng.multinomial(N_DRAWS, weights.ravel() / weights.sum()).reshape(weights.shape)
    best = np.zeros(len(means))
    for case, number in zip(cases, numbers, strict=True):
        drawn = np.repeat(np.arange(len(number)), number)
        total = case.error + spread
        samples = draw_accuracies(case.means[drawn], case.error[drawn], total[drawn], rng)
        best += case.shares.T @ np.bincount(samples.argmax(axis=1), minlength=len(case.shares))
    return np.asarray(best / N_DRAWS)


@dataclass(frozen=True)
class TieCase:
    """All configurations are unequal, or two of them are exactly equal and measured as one.

    Attributes:
        log_weight: Logarithm (G,) of the prior of the case and of the density of the difference
            that was measured between the two, up to a constant.
        means: Measured means (G, J) of the configurations that are unequal.
        error: Variances (G, J) of these means around the true accuracies.
        shares: Share (J, K) that each configuration has in each of them.
    """

    log_weight: Vector
    means: Vector
    error: Vector
    shares: Vector


def list_tie_cases(means: Vector, error: Vector) -> list[TieCase]:
    """Return the case without equal configurations, and those of two equal among the best.

    Args:
        means: The measured means (K,).
        error: Variances (G, K) of them around the true accuracies.
    """
    number, wide = len(means), np.broadcast_to(means, error.shape)
    alone = np.full(len(error), math.log(1 - TIE_PROBABILITY if number > 1 else 1))
    cases = [TieCase(alone, wide, error, np.eye(number))]
    leaders = np.argsort(-means, kind="stable")[:N_TIED_LEADERS].tolist()
    prior = TIE_PROBABILITY / max(1, math.comb(number, 2))
    for one, other in combinations(leaders, 2):
        pair, rest = [one, other], [each for each in range(number) if each not in (one, other)]
        precision = 1 / error[:, pair]
        joint = (wide[:, pair] * precision).sum(axis=1) / precision.sum(axis=1)
        width = error[:, pair].sum(axis=1)
        density = -0.5 * (np.log(width) + (means[one] - means[other]) ** 2 / width)
        shares = np.eye(number)[[one, *rest]]
        shares[0, pair] = 0.5
        cases.append(
            TieCase(
                math.log(prior) + density,
                np.column_stack([joint, wide[:, rest]]),
                np.column_stack([1 / precision.sum(axis=1), error[:, rest]]),
                shares,
            )
        )
    return cases


def noise_quantiles(groups: Sequence[Sequence[float]]) -> Vector:
    """Return equally likely standard deviations over seeds."""
    spread, freedom = pooled_deviation(groups)
    total = freedom + SEED_SPREAD_FREEDOM
    squares = freedom * spread**2 + SEED_SPREAD_FREEDOM * SEED_SPREAD**2
    # the quantiles of the chi-squared distribution; scipy.stats takes half a second to import
    chi_squared = 2 * gammaincinv(total / 2, midpoints(N_NOISES))
    return np.asarray(np.sqrt(squares / chi_squared))


def spread_quantiles() -> Vector:
    """Return equally likely standard deviations of the true accuracies."""
    # the quantiles of the half-Cauchy distribution
    return np.asarray(TYPICAL_SPREAD * np.tan(np.pi / 2 * midpoints(N_SPREADS)))


def midpoints(number: int) -> Vector:
    """Return the centres of equal parts of the unit interval.

    >>> midpoints(2).tolist()
    [0.25, 0.75]
    """
    return (np.arange(number) + 0.5) / number


def log_likelihoods(means: Vector, total: Vector) -> Vector:
    """Return the log-likelihood (G,) of measured means, up to a constant.

    The common mean of the true accuracies is integrated out.

    Args:
        means: The measured means (G, K).
        total: Variances (G, K) of the measured means around the common mean, in G cases.
    """
    precision = (1 / total).sum(axis=1)
    centre = (means / total).sum(axis=1) / precision
    parts = np.log(total) + (means - centre[:, None]) ** 2 / total
    return np.asarray(-0.5 * (parts.sum(axis=1) + np.log(precision)))


def draw_accuracies(
    means: Vector, error: Vector, total: Vector, rng: np.random.Generator
) -> Vector:
    """Return samples (N, K) of the true accuracies.

    Args:
        means: The measured means (N, K).
        error: Variances (N, K) of the measured means around the true accuracies.
        total: Variances (N, K) of the measured means around the common mean.
        rng: Source of randomness.
    """
    precision = (1 / total).sum(axis=1)
    centre = rng.normal((means / total).sum(axis=1) / precision, 1 / np.sqrt(precision))
    own_share = (total - error) / total
    centres = own_share * means + (1 - own_share) * centre[:, None]
    return np.asarray(rng.normal(centres, np.sqrt(own_share * error)))
