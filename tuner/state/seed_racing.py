"""Seed racing: further seeds for the configurations that may still be the best."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from scipy.special import stdtrit

from tuner.state.best_probability import best_probabilities, pooled_deviation

CONFIDENCE = 0.95


@dataclass(frozen=True)
class SeedLimits:
    """Limits of the seeds per configuration.

    Attributes:
        max_seeds: Most seeds of a configuration.
        n_images: Images of the validation split, which give the error of a single seed.
        all_configurations: Whether every configuration gets all seeds, without racing.
    """

    max_seeds: int = 1
    n_images: int = 1
    all_configurations: bool = False


@dataclass(frozen=True)
class SeedStatistics:
    """Statistics of a configuration over its seeds.

    Attributes:
        mean: Mean robust accuracy, of the best epoch of each seed.
        std: Standard deviation over seeds; NaN for one seed.
        n: Number of ended seeds.
        probability_best: Probability that its true mean is the highest.
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
    """Return the (configuration, seed) pairs to run next; empty once the race is decided.

    In each round, the configurations whose interval overlaps the leader's get one more seed.
    Earlier rounds are recomputed from the values, so that no other state is needed.

    Args:
        accuracies: Robust accuracies of each configuration in the order of seeds; `None` for a
            failed run.
        max_seeds: Most seeds of a configuration.
        n_images: Images of the validation split; while no configuration has two seeds, their
            sampling error replaces the spread over seeds.
        all_configurations: Whether all configurations get all seeds, without racing.
    """
    remaining = [name for name, values in accuracies.items() if values and values[0] is not None]
    for seed in range(1, max_seeds):
        values_by_name = {name: drop_missing(accuracies[name][:seed]) for name in remaining}
        all_values = {
            name: drop_missing(values)
            for name, values in accuracies.items()
            if drop_missing(values)
        }
        remaining = (
            remaining
            if all_configurations
            else find_contenders(values_by_name, all_values, n_images)
        )
        if len(remaining) < 2 and not all_configurations:
            return []
        missing = [(name, seed) for name in remaining if len(accuracies[name]) <= seed]
        if missing:
            return missing
        remaining = [
            name for name in remaining if all_configurations or accuracies[name][seed] is not None
        ]
    return []


def drop_missing(values: Iterable[float | None]) -> list[float]:
    """Return the values that are not `None`."""
    return [value for value in values if value is not None]


def find_contenders(
    accuracies: Mapping[str, Sequence[float]],
    all_accuracies: Mapping[str, Sequence[float]],
    n_images: int,
) -> list[str]:
    """Return the configurations whose interval overlaps the leader's, the leader among them.

    Args:
        accuracies: Values of the remaining configurations.
        all_accuracies: Values to estimate the spread from.
        n_images: Images of the validation split.
    """
    if not accuracies:
        return []
    length = len(next(iter(accuracies.values())))
    spread, freedom = pooled_deviation([values[:length] for values in all_accuracies.values()])
    leader = max(accuracies, key=lambda name: mean(accuracies[name]))
    if not freedom:
        best = mean(accuracies[leader])
        spread, freedom = math.sqrt(best * (1 - best) / n_images), n_images
    reach = stdtrit(freedom, (1 + CONFIDENCE) / 2) * spread / math.sqrt(length)
    floor = mean(accuracies[leader]) - reach
    return [name for name, values in accuracies.items() if mean(values) + reach >= floor]


def compute_seed_statistics(
    accuracies: Mapping[str, Sequence[float | None]], n_images: int
) -> dict[str, SeedStatistics]:
    """Return the statistics of each configuration.

    `probability_best` is that of a hierarchical normal model (`tuner.state.best_probability`).

    Args:
        accuracies: As for `next_seeds`.
        n_images: Images of the validation split.
    """
    values_by_name = {
        name: values for name, raw in accuracies.items() if (values := drop_missing(raw))
    }
    if not values_by_name:
        return {}
    shares = best_probabilities([*values_by_name.values()], n_images)
    return {
        name: SeedStatistics(
            mean=mean(values),
            std=stdev(values) if len(values) > 1 else math.nan,
            n=len(values),
            probability_best=float(share),
        )
        for (name, values), share in zip(values_by_name.items(), shares, strict=True)
    }
