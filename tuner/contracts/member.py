"""Check a member of any group by its contract: all problems at once."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from trainables.binding import bind_member, check_member
from trainables.bound_components import BoundMember
from trainables.components import GROUPS
from trainables.data_pipeline.images import Dataset
from trainables.hparams.group import Group
from trainables.hparams.knobs import read_knobs
from tuner.contracts import attack, criterion, data, method, model, optimization, update

Check = Callable[[BoundMember], Iterator[str]]

CONTRACTS: Mapping[str, Sequence[Check]] = {
    "data": data.CHECKS,
    "model": model.CHECKS,
    "method": method.CHECKS,
    "criterion": criterion.CHECKS,
    "attack": attack.CHECKS,
    "update": update.CHECKS,
    "optimizer": optimization.OPTIMIZER_CHECKS,
    "schedule": optimization.SCHEDULE_CHECKS,
    "eps_schedule": optimization.SCHEDULE_CHECKS,
}
"""Group to what each of its members must do."""


def check_contract(
    group: str, member: str, values: Mapping[str, object], images: Dataset | None = None
) -> Iterator[str]:
    """Yield where a member breaks the contract of its group.

    Args:
        group: Name of the group.
        member: Name of the member, or the path of a file.
        values: Values of its knobs; the others have their defaults.
        images: Data set that a network must fit; `None`: images of 3x32x32.
    """
    problems = list(check_member(group, GROUPS[group], member, values))
    yield from problems
    with suppress(LookupError):  # `check_member` reports that there is no such member
        yield from (f"{group}: {text}" for text in check_documentation(GROUPS[group], member))
    if problems:  # it cannot be run
        return
    bound = bind_member(GROUPS[group], member, values)
    checks: Sequence[Check] = CONTRACTS[group]
    if group == "model" and images:
        checks = model.checks_for(images.image_format)
    for check in checks:
        yield from (f"{group}: {text}." for text in run_check(check, bound))


def run_check(check: Check, bound: BoundMember) -> list[str]:
    """Return the problems that a check finds; an exception of the member is one."""
    problems = list[str]()
    try:
        problems.extend(check(bound))
    except Exception as error:  # a custom file can raise anything
        reason = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
        last = inspect.getinnerframes(error.__traceback__)[-1] if error.__traceback__ else None
        where = f" at {last.filename}:{last.lineno}" if last else ""
        name = getattr(check, "__name__", "the check")
        problems.append(f"fails in {name} ({reason}){where}")
    return problems


def check_documentation(group: Group, member: str) -> Iterator[str]:
    """Yield what `--help` and the reference lack: a first line, and the meaning of each knob."""
    module = group.load(member)
    functions = group.member_functions(member)
    first, _, rest = (inspect.getdoc(module) or "").partition("\n")
    if not first.endswith(".") or (rest and not rest.startswith("\n")):
        yield "the docstring of the file must begin with one sentence on one line."
    for name in group.required_functions:
        for knob in read_knobs(functions[name]).values():
            if not knob.description:
                yield f"{name}: describe {knob.name} under Args in the docstring."
