"""From the dictionary that a search proposes to the functions that a trial runs."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from trainables.bound_components import BoundMember, Components, build_components
from trainables.groups import GROUPS, Group
from trainables.knobs import REQUIRED, Knob, knobs
from trainables.misfit import misfit
from trainables.problems import InputError, did_you_mean

Config = Mapping[str, Mapping[str, Any]]
"""Group to the name of its member and values of its knobs; what JSON can hold."""


def bind(config: Config) -> Components:
    """Return the components that a configuration names, with their knobs set.

    Args:
        config: Group to `name` and knobs.

    Returns:
        The functions of each group; what the loop injects is left open.

    Raises:
        InputError: If a group, member or knob is unknown, missing or out of range.
    """
    problems = [
        f"{group}: no such group.{did_you_mean(group, GROUPS)}"
        for group in config
        if group not in GROUPS
    ]
    bound: dict[str, BoundMember] = {}
    for name, group in GROUPS.items():
        values = dict(config.get(name, {}))
        member = values.pop("name", group.default)
        wrong = list(complaints(name, group, member, values))
        problems += wrong
        if not wrong:
            bound[name] = filled(group, member, values)
    if problems:
        raise InputError(problems)
    return build_components(bound)


def filled(group: Group, member: str | None, values: Mapping[str, object]) -> BoundMember:
    """Return one member with all its knobs set: to `values`, or to their defaults."""
    functions = {}
    for name, function in group.functions(member).items():
        settings = {
            key: knob.validate(values[key]) if key in values else knob.default
            for key, knob in knobs(function).items()
        }
        functions[name] = partial(function, **settings)
    return BoundMember(group.load(member) if group.folder and member else None, functions)


def complaints(
    name: str, group: Group, member: str | None, values: Mapping[str, object]
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
