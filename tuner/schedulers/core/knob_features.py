"""Knobs as points of the unit cube, for models over the search space."""

import math
from collections.abc import Mapping

from ray.tune.search.sample import LogUniform

from tuner.config.domains import are_equal, as_range, base_sampler, is_number, list_values

MIDDLE = 0.5
"""The middle of a range."""


def encode_knobs(knobs: Mapping[str, object], domains: Mapping[str, object]) -> list[float]:
    """Return the position of each knob in its range, from 0 to 1.

    Listed numbers are placed by their order; other lists get one coordinate for each value. A knob
    that the trial lacks, as another variant of the space has it, lies in the middle.

    Args:
        knobs: Value by path.
        domains: Domain by path.

    >>> from ray import tune
    >>> domains = {"a": tune.loguniform(1e-4, 1), "b": tune.choice([50, 200, 100])}
    >>> encode_knobs({"a": 1e-2, "b": 100}, domains)
    [0.5, 0.5]
    >>> encode_knobs({"c": "sgd"}, {"c": tune.choice(["adam", "sgd"])})
    [0.0, 1.0]
    """
    return [
        share
        for path, domain in domains.items()
        for share in encode_knob(knobs.get(path), domain, is_known=path in knobs)
    ]


def encode_knob(value: object, domain: object, *, is_known: bool) -> list[float]:
    """Return the coordinates of one knob."""
    listed = list_values(domain)
    if listed is None:
        return [normalise_value(domain, float(str(value))) if is_number(value) else MIDDLE]
    if not all(map(is_number, listed)):
        return [float(are_equal(each, value)) if is_known else MIDDLE for each in listed]
    ordered = sorted(listed, key=lambda each: float(str(each)))
    places = [place for place, each in enumerate(ordered) if are_equal(each, value)]
    return [places[0] / max(1, len(ordered) - 1) if places else MIDDLE]


def domain_bounds(domain: object) -> tuple[float, float, bool]:
    """Return the bounds of a range, and whether it is logarithmic."""
    limits = as_range(domain)
    return limits.lower, limits.upper, isinstance(base_sampler(domain), LogUniform)


def normalise_value(domain: object, value: float) -> float:
    """Return the position of a value in a range, from 0 to 1."""
    low, high, log = domain_bounds(domain)
    if log:
        value = min(max(value, low), high)
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low)
