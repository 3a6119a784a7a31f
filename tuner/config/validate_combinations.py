"""Check members of several groups that do not work together, whatever their knobs."""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from trainables.binding import calls_attack
from trainables.components import GROUPS
from trainables.hparams.soft_labels import find_mixing
from trainables.injection import injected_names

Groups = Mapping[str, Mapping[str, Any]]


def check_combinations(fixed: Groups) -> Iterator[str]:
    """Yield the problems of a configuration in how its members work together.

    Args:
        fixed: Fixed knobs by group, with defaults; a searched knob is missing.
    """
    yield from check_teacher(fixed)
    yield from check_whole_batches(fixed)
    if calls_attack(load_chosen(fixed, "update").update):
        yield from check_kept_perturbations(fixed)


def load_chosen(fixed: Groups, group: str) -> ModuleType:
    """Return the module of the member of a group."""
    return GROUPS[group].load(str(fixed[group]["name"]))


def check_teacher(fixed: Groups) -> Iterator[str]:
    """Yield the problem of a method without a teacher that it can use, or of an unused teacher."""
    name, teacher = str(fixed["method"]["name"]), fixed["teacher"].get("name")
    method = load_chosen(fixed, "method")
    if not any("teacher" in injected_names(f) for f in (method.inner, method.outer)):
        if teacher != "none":
            yield f"teacher: {teacher} has no effect, because method={name} learns from none."
        return
    fitting = getattr(method, "TEACHERS", [t for t in GROUPS["teacher"].members() if t != "none"])
    if teacher == "none":
        yield f"teacher: method={name} learns from one; write teacher={'|'.join(fitting)}."
    elif teacher in GROUPS["teacher"].members() and teacher not in fitting:
        yield (
            f"teacher: method={name} cannot learn from teacher={teacher}; write "
            f"teacher={'|'.join(fitting)}."
        )


def check_whole_batches(fixed: Groups) -> Iterator[str]:
    """Yield the problem of micro-batches with members that need the whole batch."""
    if fixed["update"].get("micro_batch") is None:
        return
    calls = calls_attack(load_chosen(fixed, "update").update)
    groups = ("method", "attack") if calls else ("method",)
    for group in groups:
        if getattr(load_chosen(fixed, group), "WHOLE_BATCH", False):
            yield (
                f"update.micro_batch: must be none with {group}={fixed[group]['name']}, which "
                "needs whole batches."
            )


def check_kept_perturbations(fixed: Groups) -> Iterator[str]:
    """Yield the problems of an attack that keeps perturbations from one batch to the next."""
    attack, names = fixed["attack"]["name"], injected_names(load_chosen(fixed, "attack").perturb)
    update = load_chosen(fixed, "update").update
    if "memory" in names and "attack_under" in injected_names(update):
        yield (
            f"update: {fixed['update']['name']} attacks in several norms, and attack={attack} "
            "would start in one norm where it ended in another; choose another attack."
        )
    if "index" not in names:
        return
    if getattr(load_chosen(fixed, "method"), "VIEWS", 1) > 1:
        yield (
            f"attack: {attack} keeps one perturbation of each image, and "
            f"method={fixed['method']['name']} has several views of it; choose another attack."
        )
    for knob in find_mixing(fixed):
        yield f"{knob}: must be 0 with attack={attack}, which keeps a perturbation of each image."
