"""Sweeps of W&B as arguments of a search (docs.wandb.ai, "Define a sweep configuration")."""

import math
from collections.abc import Iterator, Mapping
from typing import TypeGuard

from trainables.hparams.group import group_values

SEARCHERS = {"bayes": "tpe", "random": "random", "grid": "grid"}
READ = {"method", "parameters", "run_cap"}
DISTRIBUTIONS = {
    "uniform": "uniform",
    "log_uniform_values": "loguniform",
    "log_uniform": "loguniform",
    "q_uniform": "quniform",
    "q_log_uniform_values": "qloguniform",
    "q_log_uniform": "qloguniform",
    "int_uniform": "randint",
}
"""Distributions of W&B to domains."""
IN_EXPONENTS = ("log_uniform", "q_log_uniform")
"""Distributions whose ends are exponents of e."""


def is_wandb_sweep(content: Mapping[str, object]) -> bool:
    """Return whether a file is a sweep of W&B."""
    return isinstance(content.get("parameters"), Mapping) and content.get("method") in SEARCHERS


def read_wandb_sweep(
    content: Mapping[str, object], notes: list[str], problems: list[str]
) -> dict[str, object]:
    """Return a sweep as arguments.

    Args:
        content: The content of the file.
        notes: Extended by what is ignored.
        problems: Extended by what cannot be expressed.
    """
    method = str(content["method"])
    arguments: dict[str, object] = {"searcher": SEARCHERS[method]}
    if "run_cap" in content:
        arguments["trials"] = content["run_cap"]
    if ignored := [key for key in content if key not in READ]:
        notes.append(f"ignored {', '.join(ignored)}; the search maximises robust accuracy.")
    for path, parameter in list_parameters(group_values(content, "parameters"), ""):
        try:
            arguments[path] = read_parameter(parameter, in_grid=method == "grid")
        except ValueError as error:
            problems.append(f"{path}: {error}")
    return arguments


def list_parameters(
    parameters: Mapping[str, object], prefix: str
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the parameters of a sweep with their paths; nested ones are joined by dots."""
    for name, parameter in parameters.items():
        values = parameter if isinstance(parameter, Mapping) else {"value": parameter}
        if isinstance(values.get("parameters"), Mapping):
            yield from list_parameters(group_values(values, "parameters"), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", values


def read_parameter(parameter: Mapping[str, object], *, in_grid: bool) -> object:
    """Return the value or the domain of a parameter, as it is typed.

    Raises:
        ValueError: If there is no such domain here.

    >>> sweep = {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}
    >>> read_parameter(sweep, in_grid=False)
    'loguniform(1e-05,0.1)'
    >>> read_parameter({"min": 1, "max": 8}, in_grid=False)
    'randint(1,9)'
    """
    if "value" in parameter:
        return parameter["value"]
    values = parameter.get("values")
    if isinstance(values, list):
        if "probabilities" in parameter:
            raise ValueError("values with probabilities cannot be searched; leave them out.")
        return f"{'grid' if in_grid else 'choice'}({','.join(map(str, values))})"
    low, high = parameter.get("min"), parameter.get("max")
    if not is_number(low) or not is_number(high):
        raise ValueError("expected value, values, or the numbers min and max.")
    whole = isinstance(low, int) and isinstance(high, int)
    kind = str(parameter.get("distribution", "int_uniform" if whole else "uniform"))
    if kind not in DISTRIBUTIONS:
        raise ValueError(f"no domain for {kind}; there are: {', '.join(DISTRIBUTIONS)}.")
    if kind in IN_EXPONENTS:
        low, high = math.exp(low), math.exp(high)
    if kind == "int_uniform":  # W&B includes the upper end, Ray Tune does not
        high += 1
    step = [parameter.get("q", 1)] if kind.startswith("q_") else []
    return f"{DISTRIBUTIONS[kind]}({','.join(map(str, (low, high, *step)))})"


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
