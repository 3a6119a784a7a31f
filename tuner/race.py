"""More seeds for the configurations that may yet be the best, and for no others."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev, variance

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95
DRAWS = 20_000
"""Of the means, to estimate who is best: its probability is known to 0.7 points (two errors)."""


@dataclass(frozen=True)
class Standing:
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


def due(
    values: Mapping[str, Sequence[float | None]], seeds: int, images: int, *, every: bool = False
) -> list[tuple[str, int]]:
    """Return which configurations are to be run with which seed next; nothing once it is settled.

    In each round those get one more seed whose interval overlaps the leader's. What earlier rounds
    decided follows from the values, so that nothing else need be kept.

    Args:
        values: Robust accuracy of each configuration by seed, the first seed first; none if that
            run failed.
        seeds: The most that a configuration may have.
        images: Of the validation split; while no configuration has two seeds, the sampling error of
            so many images stands for the spread over seeds.
        every: Whether all configurations get all their seeds, whatever comes of it.
    """
    left = [name for name, found in values.items() if found and found[0] is not None]
    for seed in range(1, seeds):
        known = {name: whole(values[name][:seed]) for name in left}
        everything = {name: whole(found) for name, found in values.items() if whole(found)}
        left = left if every else contenders(known, everything, images)
        if len(left) < 2 and not every:
            return []
        missing = [(name, seed) for name in left if len(values[name]) <= seed]
        if missing:
            return missing
        left = [name for name in left if every or values[name][seed] is not None]
    return []


def whole(found: Iterable[float | None]) -> list[float]:
    """Return the values that there are."""
    return [value for value in found if value is not None]


def contenders(
    known: Mapping[str, Sequence[float]], everything: Mapping[str, Sequence[float]], images: int
) -> list[str]:
    """Return the configurations whose interval overlaps the leader's, the leader among them.

    Args:
        known: Values of those that may be.
        everything: Values to estimate the spread from.
        images: Of the validation split.
    """
    if not known:
        return []
    length = len(next(iter(known.values())))
    spread, freedom = pooled([found[:length] for found in everything.values()])
    leader = max(known, key=lambda name: mean(known[name]))
    if not freedom:
        best = mean(known[leader])
        spread, freedom = math.sqrt(best * (1 - best) / images), images
    reach = stdtrit(freedom, (1 + CONFIDENCE) / 2) * spread / math.sqrt(length)
    floor = mean(known[leader]) - reach
    return [name for name, found in known.items() if mean(found) + reach >= floor]


def pooled(groups: Iterable[Sequence[float]]) -> tuple[float, int]:
    """Return the standard deviation over seeds that configurations share, and its freedom.

    >>> spread, freedom = pooled([[1.0, 3.0], [5.0, 5.0], [7.0]])
    >>> spread, freedom
    (1.0, 2)
    """
    several = [found for found in groups if len(found) > 1]
    freedom = sum(len(found) - 1 for found in several)
    squares = sum((len(found) - 1) * variance(found) for found in several)
    return (math.sqrt(squares / freedom) if freedom else 0.0), freedom


def standings(values: Mapping[str, Sequence[float | None]], images: int) -> dict[str, Standing]:
    """Return what each configuration has come to.

    The probability of being best is that under independent errors of the means with the spread over
    seeds that all configurations share: Student's t with as much freedom as there is.

    Args:
        values: As for `due`.
        images: Of the validation split.
    """
    known = {name: found for name, each in values.items() if (found := whole(each))}
    if not known:
        return {}
    spread, freedom = pooled(known.values())
    means = np.array([mean(found) for found in known.values()])
    if not freedom:
        best = float(means.max())
        spread, freedom = math.sqrt(best * (1 - best) / images), images
    errors = spread / np.sqrt([len(found) for found in known.values()])
    drawn = np.random.default_rng(0).standard_t(freedom, (DRAWS, len(means))) * errors + means
    first = np.bincount(drawn.argmax(axis=1), minlength=len(means)) / DRAWS
    return {
        name: Standing(
            mean=mean(found),
            std=stdev(found) if len(found) > 1 else math.nan,
            n=len(found),
            probability_best=float(share),
        )
        for (name, found), share in zip(known.items(), first, strict=True)
    }
