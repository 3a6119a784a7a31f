"""Bind a configuration: from a dictionary to the functions that a trial runs."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeVar

from trainables.bound_components import (
    BoundAverage,
    BoundCriterion,
    BoundData,
    BoundEpsSchedule,
    BoundMember,
    BoundModel,
    BoundOptimizer,
    BoundOverfittingDetector,
    BoundRestarts,
    BoundSchedule,
    BoundTeacher,
    BoundThreat,
    BoundUpdate,
    BoundValidationAttack,
    Components,
)
from trainables.components import GROUPS, suggest_group
from trainables.errors import InputError, did_you_mean
from trainables.hparams.group import Group, unknown_knob_message
from trainables.hparams.knobs import REQUIRED, check_value, read_knobs
from trainables.hparams.registry import find_hook
from trainables.injection import injected_names, unwrapped
from trainables.protocols import BoundAttack, BoundMethod, PassOrder, uses_attack
from trainables.step_context import INJECTED

Bound = TypeVar("Bound")

Config = Mapping[str, Mapping[str, object]]
"""Group to the name of its member and the values of its knobs; JSON-serialisable."""


def bind(config: Config) -> Components:
    """Return the components that a configuration names, with their knobs set.

    Args:
        config: Group to `name` and knobs.

    Returns:
        The functions of each group; the loop injects their other parameters.

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
        errors = list(check_member(name, group, member, values))
        problems += errors
        if not errors:
            bound[name] = bind_member(group, str(member) if member else None, values)
    if problems:
        raise InputError(problems)
    return build_components(bound)


def bind_member(group: Group, member: str | None, values: Mapping[str, object]) -> BoundMember:
    """Return a member with its knobs set to `values`, or to their defaults."""
    functions = {}
    for name, function in group.member_functions(member).items():
        settings = {
            key: knob.validate(values[key]) if key in values else knob.default
            for key, knob in read_knobs(function).items()
        }
        functions[name] = partial(function, **settings)
    return BoundMember(group.load(member) if group.package and member else None, functions)


def check_member(
    name: str, group: Group, member: object, values: Mapping[str, object]
) -> Iterator[str]:
    """Yield what is wrong with one group of a configuration."""
    if group.package and not (member and isinstance(member, str)):
        yield f"{name}: needs a name, one of {', '.join(group.members())}; write {name}=NAME."
        return
    if member and not group.package:
        yield (
            f"{name}: this group has no members to choose from, got {name}={member}; "
            f"set its knobs, {name}.KNOB=VALUE."
        )
        return
    member = str(member) if member else None
    try:
        knobs = group.member_knobs(member)
    except LookupError as error:
        yield f"{name}: {error}{suggest_group(str(member))}"
        return
    yield from check_parameters(name, group, member)
    for key, value in values.items():
        if key not in knobs:
            yield unknown_knob_message(name, group, member, key, knobs)
        else:
            yield from check_value(f"{name}.{key}", knobs[key], value)
    for key, knob in knobs.items():
        if knob.default is REQUIRED and key not in values:
            yield f"{name}.{key}: needs a value ({knob.allowed_values}); write {name}.{key}=VALUE."


def check_parameters(name: str, group: Group, member: str | None) -> Iterator[str]:
    """Yield the keyword-only parameters of a member that are neither knobs nor injected."""
    if group is not GROUPS.get(name):  # a group that the training loop does not use
        return
    functions = group.member_functions(member)
    for function in group.required_functions:
        for parameter in injected_names(functions[function]):
            if parameter not in INJECTED.get(name, ()):
                yield (
                    f"{name}.{parameter}: {function}() in {member} takes it, but its type has no "
                    f"range, so it is no knob; write {parameter}: Positive, or another type of "
                    "trainables.hparams.ranges."
                )


def build_components(members: Mapping[str, BoundMember]) -> Components:
    """Return the components of a trial.

    Args:
        members: The member of each group by the name of the group.
    """
    return Components(
        threat=assemble(BoundThreat, members["threat"]),
        data=bound_data(members["data"]),
        model=bound_model(members["model"]),
        method=bound_method(members["method"]),
        criterion=assemble(BoundCriterion, members["criterion"]),
        attack=bound_attack(members["attack"]),
        update=bound_update(members["update"]),
        optimizer=assemble(BoundOptimizer, members["optimizer"]),
        schedule=assemble(BoundSchedule, members["schedule"]),
        eps_schedule=assemble(BoundEpsSchedule, members["eps_schedule"]),
        periods=assemble(BoundRestarts, members["periods"]),
        average=assemble(BoundAverage, members["average"]),
        teacher=assemble(BoundTeacher, members["teacher"]),
        sentinel=assemble(BoundOverfittingDetector, members["sentinel"], "every"),
        exam=assemble(BoundValidationAttack, members["exam"], "steps", "restarts", "exam_batch"),
    )


def assemble(
    kind: Callable[..., Bound], member: BoundMember, *knobs: str, **values: object
) -> Bound:
    """Return the object of a group.

    Args:
        kind: Class of the object.
        member: The member; each of its functions is an attribute of the object.
        knobs: Knobs whose values are attributes too.
        values: Further attributes.
    """
    return kind(**member.functions, **{knob: member.knobs[knob] for knob in knobs}, **values)


def bound_data(member: BoundMember) -> BoundData:
    """Return a data set with its knobs set."""
    return assemble(BoundData, member, "batch_size")


def bound_model(member: BoundMember) -> BoundModel:
    """Return a network with its knobs set."""
    return assemble(BoundModel, member)


def bound_method(member: BoundMember) -> BoundMethod:
    """Return a training method with its knobs set."""
    outer = unwrapped(member["outer"])
    return assemble(
        BoundMethod,
        member,
        attacks=uses_attack(unwrapped(member["inner"])),
        whole_batch=getattr(inspect.getmodule(outer), "WHOLE_BATCH", False),
        views=getattr(inspect.getmodule(outer), "VIEWS", 1),
        name=file_name(outer),
    )


def bound_attack(member: BoundMember) -> BoundAttack:
    """Return a training attack with its knobs set."""
    return assemble(
        BoundAttack,
        member,
        gradient_steps=gradient_steps(member),
        whole_batch=getattr(member.module, "WHOLE_BATCH", False),
        name=file_name(unwrapped(member["perturb"])),
    )


def bound_update(member: BoundMember) -> BoundUpdate:
    """Return an update with its knobs set."""
    update = unwrapped(member["update"])
    return assemble(
        BoundUpdate,
        member,
        uses_attack=calls_attack(update),
        gradient_steps=gradient_steps(member),
        replays=member.knobs.get("replays", 1),
        divides_batches="micro_batch" in member.knobs,
        micro_batch=member.knobs.get("micro_batch"),
        pass_order=getattr(member.module, "PASS_ORDER", PassOrder.CLEAN_FIRST),
        name=file_name(update),
    )


def calls_attack(update: Callable[..., object]) -> bool:
    """Return whether an update calls the attack of the group `attack`."""
    return not {"attack", "attack_under"}.isdisjoint(injected_names(update))


def gradient_steps(member: BoundMember) -> int | None:
    """Return the gradient steps of a member: `GRADIENT_STEPS`, a number or a knob's name."""
    steps = find_hook(member.module, "GRADIENT_STEPS")
    if isinstance(steps, str):
        steps = member.knobs.get(steps)
    return steps if isinstance(steps, int) else None


def file_name(function: Callable[..., object]) -> str:
    """Return the name of the file that defines a function, without its suffix."""
    return str(getattr(function, "__module__", "")).rpartition(".")[2]
