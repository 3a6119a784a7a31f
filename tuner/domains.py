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

from tuner.typed import is_grid

ROUNDING = 1e-9
"""Lets 0.3 be three times 0.1, whatever floating point makes of it."""
COUNTABLE = 2**53
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


def values(searched: object) -> list[object] | None:
    """Return every value of a grid or a choice, or none if they cannot be counted."""
    if is_grid(searched):
        return list(searched["grid_search"])
    return list(searched.categories) if isinstance(searched, Categorical) else None


def scale(searched: object) -> Sampler:
    """Return how a numeric domain is drawn from before it is quantised."""
    sampler = as_range(searched).get_sampler()
    inner: Sampler = sampler.sampler if isinstance(sampler, Quantized) else sampler
    return inner


def step(searched: object) -> float | None:
    """Return what the values of a numeric domain are multiples of; none if any number will do."""
    sampler = as_range(searched).get_sampler()
    if isinstance(sampler, Quantized):
        return float(sampler.q)
    return 1.0 if isinstance(searched, Integer) else None


def anatomy(searched: object) -> tuple[str, list[float]]:
    """Return Ray's word for a numeric domain and what its arguments were."""
    sampler = as_range(searched).get_sampler()
    steps = [sampler.q] if isinstance(sampler, Quantized) else []
    log = "log" if isinstance(scale(searched), LogUniform) else ""
    kind = f"{log}randint" if isinstance(searched, Integer) else f"{log}uniform"
    limits = as_range(searched)
    return f"{'q' * len(steps)}{kind}", [limits.lower, limits.upper, *steps]


def indices(low: float, high: float, each: float) -> tuple[int, int]:
    """Return the first and the last multiple of `each` from `low` to `high`, forgiving rounding.

    >>> indices(0.1, 0.3, 0.1), indices(1, 10, 4)
    ((1, 3), (1, 2))
    """
    return math.ceil(low / each - ROUNDING), math.floor(high / each + ROUNDING)


def multiples(searched: object) -> tuple[int, int] | None:
    """Return which multiples of its step a domain holds, first and last; none without a step.

    As Ray has it, the high end is included where there is a step other than 1.
    """
    each = step(searched)
    if each is None:
        return None
    limits = as_range(searched)
    first, last = indices(limits.lower, limits.upper, each)
    return first, last - (isinstance(searched, Integer) and each == 1)


def multiple(searched: object, index: int) -> float:
    """Return a multiple of the step of a domain, never over its high end by rounding."""
    limits = as_range(searched)
    return limits.cast(min(index * (step(searched) or 1), limits.upper))


def probes(searched: object) -> Iterator[Any]:
    """Yield values whose being allowed means that every value of a domain is."""
    listing = values(searched)
    if listing is not None:
        yield from listing
    elif found := multiples(searched):
        # the second is one that a knob that counts may have to refuse
        for index in dict.fromkeys([*found, min(found[0] + 1, found[1])]):
            yield multiple(searched, index)
    else:
        limits = as_range(searched)
        yield from (limits.lower, limits.upper)
        # an odd point between, which a knob that counts must refuse
        yield limits.lower + 0.5137 * (limits.upper - limits.lower)


def spelled(searched: object) -> str:
    """Return a domain as a person would type it.

    >>> from ray import tune
    >>> spelled(tune.loguniform(1e-5, 1e-2)), spelled(tune.grid_search([1, 2]))
    ('loguniform(1e-05, 0.01)', 'grid(1, 2)')
    """
    listing = values(searched)
    if listing is not None:
        name = "grid" if is_grid(searched) else "choice"
        return f"{name}({', '.join('null' if v is None else str(v) for v in listing)})"
    name, numbers = anatomy(searched)
    return f"{name}({', '.join(map(exact, numbers))})"


def exact(number: object) -> str:
    """Return a number as short as it can be written without becoming another.

    >>> exact(0.00001), exact(8 / 255)
    ('1e-05', '0.03137254901960784')
    """
    short = f"{number:g}" if is_number(number) else ""
    return short if short and float(short) == number else str(number)


def holds(searched: object, value: object) -> bool:
    """Return whether a value could be drawn from a domain; lists and tuples are the same to it.

    >>> from ray import tune
    >>> holds(tune.uniform(0, 1), 1), holds(tune.qrandint(2, 8, 2), 5), holds(tune.choice([3]), 4)
    (True, False, False)
    """
    listing = values(searched)
    if listing is not None:
        return any(alike(value, each) for each in listing)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    found = multiples(searched)
    if found is None:
        limits = as_range(searched)
        return limits.lower <= value <= limits.upper
    index = value / (step(searched) or 1)
    near = abs(index - round(index)) <= ROUNDING * max(1.0, abs(index))
    return near and found[0] <= round(index) <= found[1]


def alike(one: object, other: object) -> bool:
    """Return whether two listed values are the same; true is no 1, but a tuple may be a list."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def widens(new: object, old: object) -> bool:
    """Return whether a domain holds all that another of its kind does.

    >>> from ray import tune
    >>> widens(tune.uniform(0, 2), tune.uniform(0, 1)), widens(tune.choice([1]), tune.choice([2]))
    (True, False)
    >>> widens(tune.loguniform(0.1, 2), tune.uniform(0.1, 1))
    False
    """
    listing = values(old)
    if listing is not None or values(new) is not None:
        kind = is_grid(new) == is_grid(old) and None not in (listing, values(new))
        return kind and all(holds(new, value) for value in listing or [])
    (kind_new, (low, high, *steps)), (kind_old, (least, most, *each)) = anatomy(new), anatomy(old)
    return kind_new == kind_old and steps == each and low <= least and most <= high


def flaws(searched: object) -> Iterator[str]:
    """Yield why nothing can be drawn from a domain of a user's own, if so."""
    if is_grid(searched) and not isinstance(searched["grid_search"], list | tuple | range):
        yield f"grid_search needs a list of values, got {searched['grid_search']!r}."
    elif (listing := values(searched)) is not None:
        name = "grid" if is_grid(searched) else "choice"
        yield from repetitions(name, listing, spelled(searched))
    elif is_range(searched):
        yield from disorders(*anatomy(searched), spelled(searched))
    else:
        yield "needs a domain with ends or a list, such as uniform(...)."


def is_range(searched: object) -> bool:
    """Return whether a domain lies between two ends."""
    numeric = isinstance(searched, Float | Integer)
    return numeric and isinstance(scale(searched), Uniform | LogUniform)


def disorders(name: str, numbers: Sequence[float], text: str) -> Iterator[str]:
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
    elif step and not countable(low, high, *step):
        yield f"{name} needs a step above 0 with multiples between its ends, got {text}."


def countable(low: float, high: float, each: float) -> bool:
    """Return whether there are multiples of `each` from `low` to `high`, not too many to count."""
    if each <= 0 or max(abs(low), abs(high)) / each > COUNTABLE:
        return False
    first, last = indices(low, high, each)
    return first <= last


def is_number(value: object) -> bool:
    """Return whether `value` is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def repetitions(name: str, listing: Sequence[object], text: str) -> Iterator[str]:
    """Yield what is wrong with a list of values."""
    names = Counter(map(called, listing))
    if not names:
        yield f"{name} needs at least one value, got {text}."
    for value in (each for each, times in names.items() if times > 1):
        yield f"{name} lists {value} twice, got {text}."


def called(value: object) -> bool | int | float | str | None:
    """Return what a listed value is told from others by: itself, or in words."""
    return value if isinstance(value, bool | int | float | str | NoneType) else str(value)
