"""What can be wrong with how a study searches: its scheduler, its searcher and what it is after."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trainables.binding import check_member
from trainables.errors import InputError
from trainables.hparams.registry import find_hook
from tuner.cli.values import is_grid
from tuner.config.components import STUDY_GROUPS
from tuner.config.domains import format_domain, list_values
from tuner.config.settings import Settings


def check_scheduler_and_searcher(
    groups: Mapping[str, Mapping[str, Any]], variants: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Yield what is wrong with scheduler and searcher.

    Args:
        groups: The two groups, name and knobs.
        variants: Path of each searched knob to its domain, by the label of the variant.
    """
    searched = {path: domain for each in variants.values() for path, domain in each.items()}
    for name, settings in groups.items():
        values_ = dict(settings)
        yield from check_member(name, STUDY_GROUPS[name], values_.pop("name"), values_)
    searcher = groups["searcher"]["name"]
    open_ended = [path for path, domain in searched.items() if list_values(domain) is None]
    gridded = [path for path, domain in searched.items() if is_grid(domain)]
    if searcher == "grid" and open_ended:
        yield (
            f"searcher: a grid needs listed values, got {open_ended[0]}="
            f"{format_domain(searched[open_ended[0]])}; write {open_ended[0]}=grid(...)."
        )
    if searcher != "grid" and gridded:
        yield (
            f"searcher: {gridded[0]}=grid(...) is tried cell by cell, not by {searcher}; "
            "write searcher=grid, or choice(...) for grid(...)."
        )


def check_searcher_for_objectives(searcher: object, settings: Settings) -> Iterator[str]:
    """Yield why a searcher is not for what a study is after.

    Args:
        searcher: Its name, if it is one.
        settings: The study.
    """
    if not isinstance(searcher, str):
        return  # what is no name is told with the rest
    try:
        module = STUDY_GROUPS["searcher"].load(searcher)
    except LookupError:
        return  # what cannot be read is told with the rest
    if settings.goal.is_multi_objective and getattr(module, "SINGLE", False):
        yield (
            f"searcher: {searcher} maximises one number, and there are two objectives; write "
            "searcher=tpe, gp, nsga2, random or qmc."
        )
    if settings.warm_start and not getattr(module, "LEARNS", True):
        yield (
            f"warm_start: {searcher} does not learn from trials that it did not propose; write "
            "searcher=tpe, gp or nsga2."
        )


def check_scheduler_for_two_objectives(scheduler: str, settings: Settings) -> Iterator[str]:
    """Yield what a scheduler costs that looks at one of two objectives."""
    if settings.goal.is_multi_objective and scheduler != "none":
        yield (
            f"scheduler={scheduler} stops by robust accuracy alone, so that trials with a high "
            "clean accuracy may be missing from the front; scheduler=none runs all to the end."
        )


def check_fidelity(
    fidelity: object, scheduler: Mapping[str, Any], fixed: Mapping[str, Mapping[str, Any]]
) -> None:
    """Refuse rungs that cannot be cheap in the way that is asked for.

    Args:
        fidelity: What is to be cheaper.
        scheduler: Name and knobs.
        fixed: The fixed knobs of each group, by the label of the variant.

    Raises:
        InputError: If they cannot.
    """
    if fidelity != "epochs" and "drop" in list(scheduler.get("rungs", ())):
        raise InputError(["scheduler.rungs: a drop is a moment of one run; write fidelity=epochs."])
    for groups in fixed.values() if fidelity == "attack" else ():
        attack = groups["attack"]
        if not isinstance(attack.get("step_size"), float) or "steps" not in attack:
            name = attack.get("name")
            raise InputError([
                f"fidelity: attack={name} has no steps and step_size to take fewer of."
            ])


FIXED_SHAPE_GROUPS = ("model", "average")
"""Groups that decide what a checkpoint holds."""


def check_population(
    scheduler: Mapping[str, Any],
    variants: Mapping[str, Mapping[str, object]],
    arguments: Mapping[str, object],
) -> Iterator[str]:
    """Yield why trials cannot change their knobs on the way, where the scheduler has them do so.

    Args:
        scheduler: Name and knobs.
        variants: Path of each searched knob to its domain, by the label of the variant.
        arguments: As `tuner.arguments.read` returns them.
    """
    name = scheduler["name"]
    known = name in STUDY_GROUPS["scheduler"].members()  # an unknown one is told with the rest
    module = STUDY_GROUPS["scheduler"].load(name) if known else None
    if not getattr(module, "POPULATION", False):
        return
    if len(variants) > 1:
        yield f"scheduler: {name} changes knobs, not members; search knobs of one variant."
    for key, usual in (("fidelity", "epochs"), ("seeds", 1)):
        if arguments.get(key, usual) != usual:
            yield f"{key}: must be {usual} with scheduler={name}, got {arguments[key]}."
    for searched in variants.values():
        yield from check_changeable_knobs(name, searched)
        conflicts = find_hook(module, "conflicts")
        yield from conflicts(searched) if conflicts else ()


def check_changeable_knobs(scheduler: str, searched: Iterable[str]) -> Iterator[str]:
    """Yield the problem of knobs that cannot change on the way."""
    for path in searched:
        if path.partition(".")[0] in FIXED_SHAPE_GROUPS:
            yield f"scheduler: {scheduler} cannot change {path} of a network in training."
