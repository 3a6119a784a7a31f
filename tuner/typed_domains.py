"""Search domains as a person types them, in Ray Tune's own words."""

import re
from collections.abc import Callable
from typing import Any

import yaml
from ray import tune
from ray.tune.search.sample import Domain

from trainables.problems import did_you_mean
from tuner.domains import disorders, repetitions
from tuner.typed import plain

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
    if isinstance(value, str) and (match := CALL.fullmatch(value)):
        return domain(value, *match.groups())
    return plain(value)


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


def ranged(name: str, arguments: list[Any], text: str) -> object:
    """Return the domain between two ends.

    Raises:
        ValueError: If they are not two ordered numbers (and a step where one is due).
    """
    for complaint in disorders(name, arguments, text):
        raise ValueError(complaint)
    return NUMERIC[name](*(map(int, arguments) if "int" in name else arguments))


def finite(name: str, arguments: list[object], text: str) -> object:
    """Return the domain that lists its values.

    Raises:
        ValueError: If it lists none, or one twice.
    """
    if len(arguments) == 1 and isinstance(arguments[0], list):
        arguments = arguments[0]
    for complaint in repetitions(name, arguments, text):
        raise ValueError(complaint)
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
