"""From the dictionary that a search proposes to the functions that a trial runs."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

from trainables.groups import GROUPS, Group
from trainables.knobs import REQUIRED, Knob, knobs
from trainables.misfit import misfit
from trainables.problems import InputError, did_you_mean

Config = Mapping[str, Mapping[str, Any]]
"""Group to the name of its member and values of its knobs; what JSON can hold."""


def bind(config: Config) -> dict[str, SimpleNamespace]:
    """Return the functions of each group with their knobs filled in.

    Args:
        config: Group to `name` and knobs.

    Returns:
        Group to its functions; what the loop supplies is left open.

    Raises:
        InputError: If a group, member or knob is unknown, missing or out of range.
    """
    problems = [
        f"{group}: no such group.{did_you_mean(group, GROUPS)}"
        for group in config
        if group not in GROUPS
    ]
    bound = {}
    for name, group in GROUPS.items():
        values = dict(config.get(name, {}))
        member = values.pop("name", group.default)
        wrong = list(complaints(name, group, member, values))
        problems += wrong
        if not wrong:
            bound[name] = filled(group, member, values)
    if problems:
        raise InputError(problems)
    return bound


def filled(group: Group, member: str | None, values: Mapping[str, Any]) -> SimpleNamespace:
    """Return the functions of one member with all their knobs set: to `values`, or by default."""
    functions = {}
    for name, function in group.functions(member).items():
        settings = {
            key: knob.validate(values[key]) if key in values else knob.default
            for key, knob in knobs(function).items()
        }
        functions[name] = partial(function, **settings)
    return SimpleNamespace(**functions)


def complaints(
    name: str, group: Group, member: str | None, values: Mapping[str, Any]
) -> Iterator[str]:
    """Yield what is wrong with one group of a configuration."""
    if group.folder and not (member and isinstance(member, str)):
        yield f"{name}: needs a name, one of {', '.join(group.members())}; write {name}=NAME."
        return
    if member and not group.folder:
        yield f"{name}: there is only one, got {name}={member}; set its knobs, {name}.KNOB=VALUE."
        return
    try:
        known = group.knobs(member)
    except LookupError as error:
        yield f"{name}: {error}{elsewhere(str(member))}"
        return
    for key, value in values.items():
        if key not in known:
            yield unknown(name, group, member, key, known)
        else:
            yield from misfit(f"{name}.{key}", known[key], value)
    for key, knob in known.items():
        if knob.default is REQUIRED and key not in values:
            yield f"{name}.{key}: needs a value ({knob.allowed}); write {name}.{key}=VALUE."


def elsewhere(member: str) -> str:
    """Return where a member is that was looked for in the wrong group, if it is anywhere."""
    found = [f"{name}={member}" for name, group in GROUPS.items() if member in group.members()]
    return f" There is {' and '.join(found)}." if found else ""


def unknown(
    name: str, group: Group, member: str | None, key: str, known: Mapping[str, Knob]
) -> str:
    """Return the complaint about a knob that a member does not have, naming who has it."""
    who = f"{name}={member}" if member else name
    owners = [other for other in group.members() if key in group.knobs(other)]
    elsewhere = f" It is a knob of {', '.join(f'{name}={other}' for other in owners)}."
    return (
        f"{name}.{key}: no such knob of {who}.{did_you_mean(key, known)}"
        f"{elsewhere if owners else ''} It has: {', '.join(known) or 'none'}."
    )


def supply(functions: SimpleNamespace, **things: Any) -> SimpleNamespace:  # noqa: ANN401
    """Return `functions`, each given those of `things` that it names as keywords."""
    return SimpleNamespace(**{
        name: partial(function, **{k: things[k] for k in wants(unwrapped(function)) if k in things})
        for name, function in vars(functions).items()
    })


def unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function inside a partial."""
    while isinstance(function, partial):
        function = function.func
    return function


@cache
def wants(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the keyword-only parameters of `function` that are no knobs."""
    parameters = inspect.signature(function).parameters.values()
    own = knobs(function)
    return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in own)
