"""Search domains in Ray Tune's words: what they hold, and what nothing can be drawn from."""

import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from types import NoneType
from typing import Any, Protocol, cast

from ray.tune.search.sample import (
    Categorical,
    Domain,
    Float,
    Integer,
    LogUniform,
    Quantized,
    Sampler,
    Uniform,
)

from tuner.cli.values import is_grid

TOLERANCE = 1e-9
"""Lets 0.3 be three times 0.1, whatever floating point makes of it."""
MAX_EXACT_INTEGER = 2**53
"""Whole numbers up to here are floats too."""


class Range(Protocol):
    """What a numeric domain of Ray has."""

    lower: float
    upper: float

    def get_sampler(self) -> Sampler:
        """Return how it is drawn from."""
        ...

    def cast(self, value: float) -> float:
        """Return a number of the kind that it holds."""
        ...


def as_range(searched: object) -> Range:
    """Return a domain that is known to be numeric; nothing is checked."""
    return cast(Range, searched)


def is_domain(value: object) -> bool:
    """Return whether `value` is to be searched."""
    return isinstance(value, Domain) or is_grid(value)


def list_values(domain: object) -> list[object] | None:
    """Return every value of a grid or a choice, or none if they cannot be counted."""
    if is_grid(domain):
        return list(domain["grid_search"])
    return list(domain.categories) if isinstance(domain, Categorical) else None


def base_sampler(domain: object) -> Sampler:
    """Return how a numeric domain is drawn from before it is quantised."""
    sampler = as_range(domain).get_sampler()
    inner: Sampler = sampler.sampler if isinstance(sampler, Quantized) else sampler
    return inner


def domain_step(domain: object) -> float | None:
    """Return what the values of a numeric domain are multiples of; none if any number will do."""
    sampler = as_range(domain).get_sampler()
    if isinstance(sampler, Quantized):
        return float(sampler.q)
    return 1.0 if isinstance(domain, Integer) else None


def range_signature(domain: object) -> tuple[str, list[float]]:
    """Return Ray's word for a numeric domain and what its arguments were."""
    sampler = as_range(domain).get_sampler()
    steps = [sampler.q] if isinstance(sampler, Quantized) else []
    log = "log" if isinstance(base_sampler(domain), LogUniform) else ""
    kind = f"{log}randint" if isinstance(domain, Integer) else f"{log}uniform"
    limits = as_range(domain)
    return f"{'q' * len(steps)}{kind}", [limits.lower, limits.upper, *steps]


def index_range(low: float, high: float, step: float) -> tuple[int, int]:
    """Return the first and the last multiple of `step` from `low` to `high`, forgiving rounding.

    >>> index_range(0.1, 0.3, 0.1), index_range(1, 10, 4)
    ((1, 3), (1, 2))
    """
    return math.ceil(low / step - TOLERANCE), math.floor(high / step + TOLERANCE)


def domain_index_range(domain: object) -> tuple[int, int] | None:
    """Return which multiples of its step a domain holds, first and last; none without a step.

    As Ray has it, the high end is included where there is a step other than 1.
    """
    each = domain_step(domain)
    if each is None:
        return None
    limits = as_range(domain)
    first, last = index_range(limits.lower, limits.upper, each)
    return first, last - (isinstance(domain, Integer) and each == 1)


def value_at(domain: object, index: int) -> float:
    """Return a multiple of the step of a domain, never over its high end by rounding."""
    limits = as_range(domain)
    return limits.cast(min(index * (domain_step(domain) or 1), limits.upper))


def boundary_values(domain: object) -> Iterator[Any]:
    """Yield values whose being allowed means that every value of a domain is."""
    listing = list_values(domain)
    if listing is not None:
        yield from listing
    elif found := domain_index_range(domain):
        # the second is one that a knob that counts may have to refuse
        for index in dict.fromkeys([*found, min(found[0] + 1, found[1])]):
            yield value_at(domain, index)
    else:
        limits = as_range(domain)
        yield from (limits.lower, limits.upper)
        # an odd point between, which a knob that counts must refuse
        yield limits.lower + 0.5137 * (limits.upper - limits.lower)


def format_domain(domain: object) -> str:
    """Return a domain as a person would type it.

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
    """Return a number as short as it can be written without becoming another.

    >>> format_exact_number(0.00001), format_exact_number(8 / 255)
    ('1e-05', '0.03137254901960784')
    """
    short = f"{number:g}" if is_number(number) else ""
    return short if short and float(short) == number else str(number)


def contains(domain: object, value: object) -> bool:
    """Return whether a value could be drawn from a domain; lists and tuples are the same to it.

    >>> from ray import tune
    >>> contains(tune.uniform(0, 1), 1), contains(tune.qrandint(2, 8, 2), 5), contains(tune.choice([3]), 4)
    (True, False, False)
    """
    listing = list_values(domain)
    if listing is not None:
        return any(are_equal(value, each) for each in listing)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    found = domain_index_range(domain)
    if found is None:
        limits = as_range(domain)
        return limits.lower <= value <= limits.upper
    index = value / (domain_step(domain) or 1)
    near = abs(index - round(index)) <= TOLERANCE * max(1.0, abs(index))
    return near and found[0] <= round(index) <= found[1]


def are_equal(one: object, other: object) -> bool:
    """Return whether two listed values are the same; true is no 1, but a tuple may be a list."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(are_equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def contains_domain(new: object, old: object) -> bool:
    """Return whether a domain holds all that another of its kind does.

    >>> from ray import tune
    >>> contains_domain(tune.uniform(0, 2), tune.uniform(0, 1)), contains_domain(tune.choice([1]), tune.choice([2]))
    (True, False)
    >>> contains_domain(tune.loguniform(0.1, 2), tune.uniform(0.1, 1))
    False
    """
    listing = list_values(old)
    if listing is not None or list_values(new) is not None:
        kind = is_grid(new) == is_grid(old) and None not in (listing, list_values(new))
        return kind and all(contains(new, value) for value in listing or [])
    (kind_new, (low, high, *steps)), (kind_old, (least, most, *each)) = (
        range_signature(new),
        range_signature(old),
    )
    return kind_new == kind_old and steps == each and low <= least and most <= high


def check_domain(domain: object) -> Iterator[str]:
    """Yield why nothing can be drawn from a domain of a user's own, if so."""
    if is_grid(domain) and not isinstance(domain["grid_search"], list | tuple | range):
        yield f"grid_search needs a list of values, got {domain['grid_search']!r}."
    elif (listing := list_values(domain)) is not None:
        name = "grid" if is_grid(domain) else "choice"
        yield from check_listed_values(name, listing, format_domain(domain))
    elif is_range(domain):
        yield from check_range(*range_signature(domain), format_domain(domain))
    else:
        yield "needs a domain with ends or a list, such as uniform(...)."


def is_range(domain: object) -> bool:
    """Return whether a domain lies between two ends."""
    numeric = isinstance(domain, Float | Integer)
    return numeric and isinstance(base_sampler(domain), Uniform | LogUniform)


def check_range(name: str, numbers: Sequence[float], text: str) -> Iterator[str]:
    """Yield what is wrong with the ends, and the step, of a range.

    Args:
        name: Of the kind of range, one of Ray's words.
        numbers: Low end, high end and, if it is quantised, step.
        text: The range as it was typed.
    """
    wanted = 3 if name.startswith("q") else 2
    if len(numbers) != wanted or not all(map(is_number, numbers)):
        yield f"expected {name}(low,high{',step' if wanted == 3 else ''}), got {text}."
        return
    low, high, *step = numbers
    if not all(abs(number) <= sys.float_info.max for number in numbers):
        yield f"{name} needs finite ends, got {text}."
    elif not low < high:
        swapped = ",".join(f"{number:g}" for number in (high, low, *step))
        hint = f" Did you mean {name}({swapped})?" if low != high else ""
        yield f"{name} needs its low end below its high end, got {text}.{hint}"
    elif "log" in name and low <= 0:
        yield f"{name} needs a low end above 0, got {text}."
    elif "int" in name and any(number % 1 for number in numbers):
        yield f"{name} needs whole numbers, got {text}."
    elif step and not has_multiples(low, high, *step):
        yield f"{name} needs a step above 0 with multiples between its ends, got {text}."


def has_multiples(low: float, high: float, step: float) -> bool:
    """Return whether there are multiples of `step` from `low` to `high`, not too many to count."""
    if step <= 0 or max(abs(low), abs(high)) / step > MAX_EXACT_INTEGER:
        return False
    first, last = index_range(low, high, step)
    return first <= last


def is_number(value: object) -> bool:
    """Return whether `value` is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_listed_values(name: str, listing: Sequence[object], text: str) -> Iterator[str]:
    """Yield what is wrong with a list of values."""
    names = Counter(map(choice_key, listing))
    if not names:
        yield f"{name} needs at least one value, got {text}."
    for value in (each for each, times in names.items() if times > 1):
        yield f"{name} lists {value} twice, got {text}."


def choice_key(value: object) -> bool | int | float | str | None:
    """Return what a listed value is told from others by: itself, or in words."""
    return value if isinstance(value, bool | int | float | str | NoneType) else str(value)
