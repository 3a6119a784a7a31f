"""Inspect, format and compare Ray Tune search domains."""

import math
from collections.abc import Iterator
from types import NoneType
from typing import Any, Protocol, cast

import numpy as np
from ray.tune.search.sample import (
    Categorical,
    Domain,
    Integer,
    LogUniform,
    Quantized,
    Sampler,
)

from tuner.cli.values import is_grid

TOLERANCE = 1e-9
"""Relative tolerance that makes 0.3 a multiple of 0.1 in floating point."""
ChoiceKey = bool | int | float | str | None
"""Hashable representation of a listed value."""


class Range(Protocol):
    """A numeric domain of Ray Tune."""

    lower: float
    upper: float

    def sample(self, *, random_state: np.random.RandomState) -> float:
        """Return a random value."""
        ...

    def get_sampler(self) -> Sampler:
        """Return the sampler."""
        ...

    def cast(self, value: float) -> float:
        """Convert a number to the type of the domain."""
        ...


def as_range(searched: object) -> Range:
    """Cast a domain that is known to be numeric; unchecked."""
    return cast(Range, searched)


def is_domain(value: object) -> bool:
    """Return whether `value` is a search domain."""
    return isinstance(value, Domain) or is_grid(value)


def list_values(domain: object) -> list[object] | None:
    """Return the values of a grid or a choice; `None`: a range."""
    if is_grid(domain):
        return list(domain["grid_search"])
    return list(domain.categories) if isinstance(domain, Categorical) else None


def base_sampler(domain: object) -> Sampler:
    """Return the sampler of a numeric domain without quantization."""
    sampler = as_range(domain).get_sampler()
    inner: Sampler = sampler.sampler if isinstance(sampler, Quantized) else sampler
    return inner


def domain_step(domain: object) -> float | None:
    """Return the step of a numeric domain; `None`: continuous."""
    sampler = as_range(domain).get_sampler()
    if isinstance(sampler, Quantized):
        return float(sampler.q)
    return 1.0 if isinstance(domain, Integer) else None


def range_signature(domain: object) -> tuple[str, list[float]]:
    """Return the Ray Tune function of a numeric domain and its arguments."""
    sampler = as_range(domain).get_sampler()
    steps = [sampler.q] if isinstance(sampler, Quantized) else []
    log = "log" if isinstance(base_sampler(domain), LogUniform) else ""
    kind = f"{log}randint" if isinstance(domain, Integer) else f"{log}uniform"
    limits = as_range(domain)
    return f"{'q' * len(steps)}{kind}", [limits.lower, limits.upper, *steps]


def index_range(low: float, high: float, step: float) -> tuple[int, int]:
    """Return the first and last index of multiples of `step` in [low, high], up to rounding.

    >>> index_range(0.1, 0.3, 0.1), index_range(1, 10, 4)
    ((1, 3), (1, 2))
    """
    return math.ceil(low / step - TOLERANCE), math.floor(high / step + TOLERANCE)


def domain_index_range(domain: object) -> tuple[int, int] | None:
    """Return the first and last index of the multiples in a domain; `None`: continuous.

    As in Ray Tune, the upper bound is included if the step is not 1.
    """
    step = domain_step(domain)
    if step is None:
        return None
    limits = as_range(domain)
    first, last = index_range(limits.lower, limits.upper, step)
    return first, last - (isinstance(domain, Integer) and step == 1)


def value_at(domain: object, index: int) -> float:
    """Return the multiple `index` of the step of a domain, at most the upper bound."""
    limits = as_range(domain)
    return limits.cast(min(index * (domain_step(domain) or 1), limits.upper))


def boundary_values(domain: object) -> Iterator[Any]:
    """Yield values to validate in place of every value of a domain."""
    listing = list_values(domain)
    if listing is not None:
        yield from listing
    elif indices := domain_index_range(domain):
        # the second value may be fractional, which an integer knob rejects
        for index in dict.fromkeys([*indices, min(indices[0] + 1, indices[1])]):
            yield value_at(domain, index)
    else:
        limits = as_range(domain)
        yield from (limits.lower, limits.upper)
        # a fractional value between, which an integer knob rejects
        yield limits.lower + 0.5137 * (limits.upper - limits.lower)


def format_domain(domain: object) -> str:
    """Format a domain as it is typed.

    >>> from ray import tune
    >>> format_domain(tune.loguniform(1e-5, 1e-2)), format_domain(tune.grid_search([1, 2]))
    ('loguniform(1e-05, 0.01)', 'grid(1, 2)')
    """
    listing = list_values(domain)
    if listing is not None:
        name = "grid" if is_grid(domain) else "choice"
        return f"{name}({', '.join('null' if v is None else str(v) for v in listing)})"
    name, numbers = range_signature(domain)
    return f"{name}({', '.join(map(format_exact_number, numbers))})"


def format_exact_number(number: object) -> str:
    """Return the shortest text that parses to the same number.

    >>> format_exact_number(0.00001), format_exact_number(8 / 255)
    ('1e-05', '0.03137254901960784')
    """
    short = f"{number:g}" if is_number(number) else ""
    return short if short and float(short) == number else str(number)


def contains(domain: object, value: object) -> bool:
    """Return whether a domain contains a value; lists equal tuples.

    >>> from ray import tune
    >>> contains(tune.uniform(0, 1), 1), contains(tune.qrandint(2, 8, 2), 5)
    (True, False)
    """
    listing = list_values(domain)
    if listing is not None:
        return any(are_equal(value, listed) for listed in listing)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    indices = domain_index_range(domain)
    if indices is None:
        limits = as_range(domain)
        return limits.lower <= value <= limits.upper
    index = value / (domain_step(domain) or 1)
    is_multiple = abs(index - round(index)) <= TOLERANCE * max(1.0, abs(index))
    return is_multiple and indices[0] <= round(index) <= indices[1]


def are_equal(one: object, other: object) -> bool:
    """Return whether two listed values are equal; `True` differs from 1, lists equal tuples."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(are_equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def contains_domain(new: object, old: object) -> bool:
    """Return whether `new` contains every value of `old` and is of the same kind.

    >>> from ray import tune
    >>> contains_domain(tune.uniform(0, 2), tune.uniform(0, 1))
    True
    >>> contains_domain(tune.choice([1]), tune.choice([2]))
    False
    >>> contains_domain(tune.loguniform(0.1, 2), tune.uniform(0.1, 1))
    False
    """
    listing = list_values(old)
    if listing is not None or list_values(new) is not None:
        same_kind = is_grid(new) == is_grid(old) and None not in (listing, list_values(new))
        return same_kind and all(contains(new, value) for value in listing or [])
    new_kind, (new_low, new_high, *new_step) = range_signature(new)
    old_kind, (old_low, old_high, *old_step) = range_signature(old)
    same_kind = new_kind == old_kind and new_step == old_step
    return same_kind and new_low <= old_low and old_high <= new_high


def is_number(value: object) -> bool:
    """Return whether `value` is a number, excluding booleans."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def choice_key(value: object) -> ChoiceKey:
    """Return a hashable key of a listed value: itself, or its text."""
    return value if isinstance(value, bool | int | float | str | NoneType) else str(value)
