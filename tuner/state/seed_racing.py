"""More seeds for the configurations that may yet be the best, and for no others."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev, variance

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95
N_DRAWS = 20_000
"""Of the means, to estimate who is best: its probability is known to 0.7 points (two errors)."""


@dataclass(frozen=True)
class SeedStatistics:
    """What a configuration has come to over its seeds.

    Attributes:
        mean: Of the robust accuracies, each of the seed's best epoch.
        std: Their standard deviation; not a number for one seed.
        n: How many seeds have ended.
        probability_best: That its true mean is the highest of all.
    """

    mean: float
    std: float
    n: int
    probability_best: float


def next_seeds(
    accuracies: Mapping[str, Sequence[float | None]],
    max_seeds: int,
    n_images: int,
    *,
    all_configurations: bool = False,
) -> list[tuple[str, int]]:
    """Return which configurations are to be run with which seed next; nothing once it is settled.

    In each round those get one more seed whose interval overlaps the leader's. What earlier rounds
    decided follows from the values, so that nothing else need be kept.

    Args:
        accuracies: Robust accuracy of each configuration by seed, the first seed first; none if that
            run failed.
        max_seeds: The most that a configuration may have.
        n_images: Of the validation split; while no configuration has two seeds, the sampling error of
            so many images stands for the spread over seeds.
        all_configurations: Whether all configurations get all their seeds, whatever comes of it.
    """
    left = [name for name, found in accuracies.items() if found and found[0] is not None]
    for seed in range(1, max_seeds):
        known = {name: drop_missing(accuracies[name][:seed]) for name in left}
        everything = {
            name: drop_missing(found) for name, found in accuracies.items() if drop_missing(found)
        }
        left = left if all_configurations else find_contenders(known, everything, n_images)
        if len(left) < 2 and not all_configurations:
            return []
        missing = [(name, seed) for name in left if len(accuracies[name]) <= seed]
        if missing:
            return missing
        left = [name for name in left if all_configurations or accuracies[name][seed] is not None]
    return []


def drop_missing(values: Iterable[float | None]) -> list[float]:
    """Return the values that there are."""
    return [value for value in values if value is not None]


def find_contenders(
    accuracies: Mapping[str, Sequence[float]],
    all_accuracies: Mapping[str, Sequence[float]],
    n_images: int,
) -> list[str]:
    """Return the configurations whose interval overlaps the leader's, the leader among them.

    Args:
        accuracies: Values of those that may be.
        all_accuracies: Values to estimate the spread from.
        n_images: Of the validation split.
    """
    if not accuracies:
        return []
    length = len(next(iter(accuracies.values())))
    spread, freedom = pooled_deviation([found[:length] for found in all_accuracies.values()])
    leader = max(accuracies, key=lambda name: mean(accuracies[name]))
    if not freedom:
        best = mean(accuracies[leader])
        spread, freedom = math.sqrt(best * (1 - best) / n_images), n_images
    reach = stdtrit(freedom, (1 + CONFIDENCE) / 2) * spread / math.sqrt(length)
    floor = mean(accuracies[leader]) - reach
    return [name for name, found in accuracies.items() if mean(found) + reach >= floor]


def pooled_deviation(groups: Iterable[Sequence[float]]) -> tuple[float, int]:
    """Return the standard deviation over seeds that configurations share, and its freedom.

    >>> spread, freedom = pooled_deviation([[1.0, 3.0], [5.0, 5.0], [7.0]])
    >>> spread, freedom
    (1.0, 2)
    """
    several = [found for found in groups if len(found) > 1]
    freedom = sum(len(found) - 1 for found in several)
    squares = sum((len(found) - 1) * variance(found) for found in several)
    return (math.sqrt(squares / freedom) if freedom else 0.0), freedom


def compute_seed_statistics(
    accuracies: Mapping[str, Sequence[float | None]], n_images: int
) -> dict[str, SeedStatistics]:
    """Return what each configuration has come to.

    The probability of being best is that under independent errors of the means with the spread over
    seeds that all configurations share: Student's t with as much freedom as there is.

    Args:
        accuracies: As for `next_seeds`.
        n_images: Of the validation split.
    """
    known = {name: found for name, each in accuracies.items() if (found := drop_missing(each))}
    if not known:
        return {}
    spread, freedom = pooled_deviation(known.values())
    means = np.array([mean(found) for found in known.values()])
    if not freedom:
        best = float(means.max())
        spread, freedom = math.sqrt(best * (1 - best) / n_images), n_images
    errors = spread / np.sqrt([len(found) for found in known.values()])
    drawn = np.random.default_rng(0).standard_t(freedom, (N_DRAWS, len(means))) * errors + means
    first = np.bincount(drawn.argmax(axis=1), minlength=len(means)) / N_DRAWS
    return {
        name: SeedStatistics(
            mean=mean(found),
            std=stdev(found) if len(found) > 1 else math.nan,
            n=len(found),
            probability_best=float(share),
        )
        for (name, found), share in zip(known.items(), first, strict=True)
    }
