"""Dependency injection: keyword-only parameters without a range are filled in from a context.

A context is an object with an attribute for each parameter that a function may name.
"""

import inspect
from collections.abc import Callable, Collection
from dataclasses import fields, replace
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar

from trainables.hparams.knobs import read_knobs

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Returned = TypeVar("Returned")
Bound = TypeVar("Bound", bound="DataclassInstance")


def inject(
    function: Callable[..., Returned],
    context: "DataclassInstance",
    names: Collection[str] | None = None,
) -> Callable[..., Returned]:
    """Return `function` with the parameters that it names filled in from `context`.

    The names are read once; the values are read at each call, so that the context may change
    between two calls.

    Args:
        function: A function, or a partial of one.
        context: The values.
        names: Attributes of the context to inject; all by default.
    """
    available = {field.name for field in fields(context)} if names is None else names
    wanted = tuple(name for name in injected_names(unwrapped(function)) if name in available)
    if not wanted:
        return function

    def call(*args: object) -> Returned:
        return function(*args, **{name: getattr(context, name) for name in wanted})

    return call


def inject_all(bound: Bound, context: "DataclassInstance", names: Collection[str]) -> Bound:
    """Return a dataclass of functions with their parameters filled in from `context`."""
    values = {field.name: getattr(bound, field.name) for field in fields(bound)}
    functions = {name: value for name, value in values.items() if callable(value)}
    injected = {name: inject(function, context, names) for name, function in functions.items()}
    return replace(bound, **injected)


def unwrapped(function: Callable[..., Returned]) -> Callable[..., Returned]:
    """Return the function inside a partial."""
    while isinstance(function, partial):
        function = function.func
    return function


@cache
def injected_names(function: Callable[..., object]) -> tuple[str, ...]:
    """Return the keyword-only parameters of `function` that are not knobs."""
    parameters = inspect.signature(function).parameters.values()
    knobs = read_knobs(function)
    return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in knobs)
