"""Parse typed search domains, written as Ray Tune functions."""

import re
from collections.abc import Callable
from typing import Any

import yaml
from ray import tune
from ray.tune.search.sample import Domain

from trainables.errors import did_you_mean
from tuner.cli.values import parse_value
from tuner.config.domains import check_listed_values, check_range

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
    if name not in RANGE_FUNCTIONS and name not in LIST_FUNCTIONS:
        known = [*RANGE_FUNCTIONS, *LIST_FUNCTIONS]
        raise ValueError(
            f"no domain {name}(...).{did_you_mean(name, known)} There are: {', '.join(known)}."
        )
    arguments = [parse_value_or_domain(item) for item in parse_call_arguments(argument_text, text)]
    return (
        build_list_domain(name, arguments, text)
        if name in LIST_FUNCTIONS
        else build_range(name, arguments, text)
    )


def build_range(name: str, arguments: list[Any], text: str) -> object:
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
