"""Values as a person types them: numbers, fractions such as 8/255, and search domains."""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from ray import tune
from ray.tune.search.sample import Categorical, Domain, Float, Integer

from trainables.problems import did_you_mean

FRACTION = re.compile(r"\s*(-?[\d.]+(?:e-?\d+)?)\s*/\s*([\d.]+(?:e-?\d+)?)\s*")
CALL = re.compile(r"\s*([a-z_]\w*)\((.*)\)\s*", re.DOTALL)
NUMERIC: dict[str, Callable[..., Domain]] = {
    "uniform": tune.uniform,
    "loguniform": tune.loguniform,
    "quniform": tune.quniform,
    "qloguniform": tune.qloguniform,
    "randint": tune.randint,
    "lograndint": tune.lograndint,
    "qrandint": tune.qrandint,
}
"""Ray Tune's own words; the first two arguments are the ends."""
LISTS = ("choice", "grid")


def parse(value: object) -> object:
    """Return what a typed value stands for.

    Raises:
        ValueError: If it looks like a fraction or a domain and is none; the message says why.

    >>> parse("8/255"), parse("pgd"), parse([1, "1/2"])
    (0.03137254901960784, 'pgd', [1, 0.5])
    """
    if isinstance(value, list):
        return [parse(item) for item in value]
    if not isinstance(value, str):
        return value
    if match := FRACTION.fullmatch(value):
        return fraction(value, *match.groups())
    if match := CALL.fullmatch(value):
        return domain(value, *match.groups())
    return value


def fraction(text: str, over: str, under: str) -> float:
    """Return the number that `over` / `under` is.

    Raises:
        ValueError: If it is none.
    """
    try:
        return float(over) / float(under)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"expected a fraction such as 8/255, got {text}.") from None


def domain(text: str, name: str, inside: str) -> object:
    """Return the domain that `name(inside)` stands for.

    Raises:
        ValueError: If there is no such domain.
    """
    if name not in NUMERIC and name not in LISTS:
        known = [*NUMERIC, *LISTS]
        raise ValueError(
            f"no domain {name}(...).{did_you_mean(name, known)} There are: {', '.join(known)}."
        )
    arguments = [parse(item) for item in listed(inside, text)]
    return finite(name, arguments, text) if name in LISTS else ranged(name, arguments, text)


def ranged(name: str, arguments: list[object], text: str) -> object:
    """Return the domain between two ends.

    Raises:
        ValueError: If they are not two ordered numbers (and a step where one is due).
    """
    numbers = [a for a in arguments if isinstance(a, int | float) and not isinstance(a, bool)]
    wanted = 3 if name.startswith("q") else 2
    if len(numbers) != len(arguments) or len(numbers) != wanted:
        raise ValueError(f"expected {name}(low,high{',step' if wanted == 3 else ''}), got {text}.")
    low, high, *step = numbers
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{name} needs finite ends, got {text}.")
    if not low < high:
        swapped = ",".join(f"{number:g}" for number in (high, low, *step))
        hint = f" Did you mean {name}({swapped})?" if low != high else ""
        raise ValueError(f"{name} needs its low end below its high end, got {text}.{hint}")
    if "log" in name and low <= 0:
        raise ValueError(f"{name} needs a low end above 0, got {text}.")
    return NUMERIC[name](*numbers)


def finite(name: str, arguments: list[object], text: str) -> object:
    """Return the domain that lists its values.

    Raises:
        ValueError: If it lists none.
    """
    if len(arguments) == 1 and isinstance(arguments[0], list):
        arguments = arguments[0]
    if not arguments:
        raise ValueError(f"{name} needs at least one value, got {text}.")
    return tune.grid_search(arguments) if name == "grid" else tune.choice(arguments)


def listed(inside: str, text: str) -> list[object]:
    """Return the arguments of a call, read as YAML, so that lists nest.

    Raises:
        ValueError: If they are not YAML.
    """
    try:
        items = yaml.safe_load(f"[{inside}]")
    except yaml.YAMLError:
        raise ValueError(f"cannot read the arguments of {text}.") from None
    # YAML wants 1.0e-5 where a person types 1e-5
    return [number(item) if isinstance(item, str) else item for item in items]


def number(text: str) -> object:
    """Return the number that `text` spells, or `text`."""
    try:
        return float(text)
    except ValueError:
        return text


def is_grid(value: object) -> bool:
    """Return whether `value` is a grid: Ray's own notation is a dictionary."""
    return isinstance(value, dict) and set(value) == {"grid_search"}


def is_domain(value: object) -> bool:
    """Return whether `value` is to be searched."""
    return isinstance(value, Domain) or is_grid(value)


def is_bounded(searched: Any) -> bool:  # noqa: ANN401
    """Return whether a domain has a list of values or two finite ends."""
    ends = list(probes(searched))
    return bool(ends) and not any(isinstance(e, float) and math.isinf(e) for e in ends)


def values(searched: Any) -> list[Any] | None:  # noqa: ANN401
    """Return every value of a grid or a choice, or none if they cannot be counted."""
    if is_grid(searched):
        return list(searched["grid_search"])
    return list(searched.categories) if isinstance(searched, Categorical) else None


def probes(searched: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield values whose being allowed means that every value of a domain is."""
    listing = values(searched)
    if listing is not None:
        yield from listing
    elif isinstance(searched, Integer):
        yield from (searched.lower, searched.upper - 1)
    elif isinstance(searched, Float):
        yield from (searched.lower, searched.upper)
        if searched.sampler is None or not hasattr(searched.sampler, "q"):
            # an odd point between, which a knob that counts must refuse
            yield searched.lower + 0.5137 * (searched.upper - searched.lower)


def spelled(searched: Any) -> str:  # noqa: ANN401
    """Return a domain as a person would type it.

    >>> spelled(tune.loguniform(1e-5, 1e-2)), spelled(tune.grid_search([1, 2]))
    ('loguniform(1e-05, 0.01)', 'grid(1, 2)')
    """
    listing = values(searched)
    if listing is not None:
        name = "grid" if is_grid(searched) else "choice"
        return f"{name}({', '.join(map(str, listing))})"
    sampler = searched.sampler or searched.get_sampler()
    step = f", {sampler.q:g}" if hasattr(sampler, "q") else ""
    inner = getattr(sampler, "sampler", sampler)
    log = "log" if type(inner).__name__.lstrip("_").startswith("Log") else ""
    kind = f"{log}randint" if isinstance(searched, Integer) else f"{log}uniform"
    low, high = searched.lower, searched.upper
    return f"{'q' if step else ''}{kind}({low:g}, {high:g}{step})"
