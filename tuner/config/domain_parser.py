"""Parse search domains typed as Ray Tune functions, and check them and user-supplied ones."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeGuard

import yaml
from ray import tune
from ray.tune.search.sample import Domain, Float, Integer, LogUniform, Uniform

from trainables.errors import did_you_mean
from tuner.cli.values import is_grid, parse_value
from tuner.config.domains import (
    base_sampler,
    choice_key,
    format_domain,
    index_range,
    is_number,
    list_values,
    range_signature,
)
from tuner.config.priors import KnobPrior, attach_prior, check_prior, find_prior

MAX_EXACT_INTEGER = 2**53
"""Integers up to here are exact as floats."""

CALL = re.compile(r"\s*([a-z_]\w*)\((.*)\)\s*", re.DOTALL)
RANGE_FUNCTIONS: dict[str, Callable[..., Domain]] = {
    "uniform": tune.uniform,
    "loguniform": tune.loguniform,
    "quniform": tune.quniform,
    "qloguniform": tune.qloguniform,
    "randint": tune.randint,
    "lograndint": tune.lograndint,
    "qrandint": tune.qrandint,
}
"""Ray Tune functions whose first two arguments are the bounds."""
LIST_FUNCTIONS = ("choice", "grid")
PRIOR_FUNCTION = "prior"


def parse_value_or_domain(value: object) -> object:
    """Convert the fractions and domains in a typed value.

    Raises:
        ValueError: If a fraction or a domain is invalid.

    >>> parse_value_or_domain("8/255"), parse_value_or_domain([1, "1/2"])
    (0.03137254901960784, [1, 0.5])
    """
    if isinstance(value, list):
        return [parse_value_or_domain(item) for item in value]
    if isinstance(value, str) and (match := CALL.fullmatch(value)):
        return build_domain(value, *match.groups())
    return parse_value(value)


def build_domain(text: str, name: str, argument_text: str) -> object:
    """Return the domain `name(argument_text)`.

    Raises:
        ValueError: If the name or an argument is invalid.
    """
    if name == PRIOR_FUNCTION:
        return build_prior_domain(split_arguments(argument_text), text)
    if name not in RANGE_FUNCTIONS and name not in LIST_FUNCTIONS:
        names = [*RANGE_FUNCTIONS, *LIST_FUNCTIONS, PRIOR_FUNCTION]
        raise ValueError(
            f"no domain {name}(...).{did_you_mean(name, names)} There are: {', '.join(names)}."
        )
    arguments = [parse_value_or_domain(item) for item in parse_call_arguments(argument_text, text)]
    return (
        build_list_domain(name, arguments, text)
        if name in LIST_FUNCTIONS
        else build_range(name, arguments, text)
    )


def build_range(name: str, arguments: list[Any], text: str) -> Domain:
    """Return a domain between two bounds.

    Raises:
        ValueError: If the arguments are not ordered bounds and, for q..., a step.
    """
    for complaint in check_range(name, arguments, text):
        raise ValueError(complaint)
    return RANGE_FUNCTIONS[name](*(map(int, arguments) if "int" in name else arguments))


def build_list_domain(name: str, arguments: list[object], text: str) -> object:
    """Return a choice or a grid.

    Raises:
        ValueError: If it is empty, or lists a value twice.
    """
    if len(arguments) == 1 and isinstance(arguments[0], list):
        arguments = arguments[0]
    for complaint in check_listed_values(name, arguments, text):
        raise ValueError(complaint)
    return tune.grid_search(arguments) if name == "grid" else tune.choice(arguments)


def build_prior_domain(arguments: list[str], text: str) -> Domain:
    """Return `prior(VALUE, SPREAD)` or `prior(VALUE, SPREAD, DOMAIN)`.

    Without a domain, `SPREAD` is a factor and the range is logarithmic, two standard deviations of
    the prior to both sides: prior(5e-4, 3) is in loguniform(5e-4 / 9, 5e-4 * 9).

    Raises:
        ValueError: If an argument is invalid.
    """
    form = "prior(VALUE,SPREAD) or prior(VALUE,SPREAD,DOMAIN)"
    if len(arguments) not in (2, 3):
        raise ValueError(f"expected {form}, got {text}.")
    numbers = parse_call_arguments(",".join(arguments[:2]), text)
    centre, spread = (parse_value_or_domain(item) for item in numbers)
    if not is_finite(spread):
        raise ValueError(f"expected {form} with a number as SPREAD, got {text}.")
    domain = parse_value_or_domain(arguments[2].strip()) if len(arguments) == 3 else None
    if domain is None:
        if not is_finite(centre) or centre <= 0 or spread <= 1:
            raise ValueError(
                f"prior(VALUE,SPREAD) needs a value above 0 and a factor above 1, got {text}; on "
                "another range write prior(VALUE,SPREAD,uniform(LOW,HIGH))."
            )
        width = spread * spread
        domain = build_range("loguniform", [centre / width, centre * width], text)
    if not isinstance(domain, Domain) or find_prior(domain):
        raise ValueError(f"{form} needs a range or choice(...) as DOMAIN, got {text}.")
    for complaint in check_prior(KnobPrior(centre, float(spread)), domain):
        raise ValueError(f"{text} {complaint}")
    return attach_prior(domain, KnobPrior(centre, float(spread)))


def is_finite(value: object) -> TypeGuard[float]:
    """Return whether `value` is a finite number."""
    return is_number(value) and isinstance(value, int | float) and abs(value) <= sys.float_info.max


def split_arguments(text: str) -> list[str]:
    """Return the arguments of a call as text.

    >>> split_arguments("0.1, 0.05, uniform(0, 0.4)")
    ['0.1', ' 0.05', ' uniform(0, 0.4)']
    """
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def parse_call_arguments(argument_text: str, text: str) -> list[object]:
    """Return the arguments of a call, read as YAML, so that lists nest.

    Raises:
        ValueError: If they are not YAML.
    """
    try:
        items = yaml.safe_load(f"[{argument_text}]")
    except yaml.YAMLError:
        raise ValueError(f"cannot read the arguments of {text}.") from None
    # YAML reads 1e-5 as text; it expects 1.0e-5
    return [number_or_text(item) if isinstance(item, str) else item for item in items]


def number_or_text(text: str) -> object:
    """Return `text` as a number, or unchanged if it is none."""
    try:
        return float(text)
    except ValueError:
        return text


def check_domain(domain: object) -> Iterator[str]:
    """Yield why a user-supplied domain is invalid."""
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
    """Return whether a domain is a uniform or log-uniform range."""
    numeric = isinstance(domain, Float | Integer)
    return numeric and isinstance(base_sampler(domain), Uniform | LogUniform)


def check_range(name: str, numbers: Sequence[float], text: str) -> Iterator[str]:
    """Yield the problem of the bounds or the step of a range.

    Args:
        name: Ray Tune function, for example "qrandint".
        numbers: Lower bound, upper bound and, for q..., step.
        text: The range as typed.
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
    """Return whether [low, high] contains multiples of `step` whose index is exact."""
    if step <= 0 or max(abs(low), abs(high)) / step > MAX_EXACT_INTEGER:
        return False
    first, last = index_range(low, high, step)
    return first <= last


def check_listed_values(name: str, listing: Sequence[object], text: str) -> Iterator[str]:
    """Yield the problems of a list of values."""
    names = Counter(map(choice_key, listing))
    if not names:
        yield f"{name} needs at least one value, got {text}."
    for value in (key for key, count in names.items() if count > 1):
        yield f"{name} lists {value} twice, got {text}."
