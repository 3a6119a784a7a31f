"""Validate scheduler, searcher, objectives and fidelity of a study."""

from collections.abc import Iterable, Iterator, Mapping

from trainables.binding import check_member
from trainables.errors import InputError
from trainables.hparams import registry
from trainables.hparams.group import Groups
from trainables.hparams.registry import find_hook
from tuner.cli.values import is_grid
from tuner.config.domains import format_domain, list_values
from tuner.config.settings import Settings
from tuner.config.study_groups import SPACES_PACKAGE, STUDY_GROUPS


def check_scheduler_and_searcher(
    groups: Groups, variants: Mapping[str, Mapping[str, object]]
) -> Iterator[str]:
    """Yield the problems of scheduler and searcher.

    Args:
        groups: Name and knobs of the two groups.
        variants: Domains by path of the searched knob, by label of the variant.
    """
    searched = {path: domain for knobs in variants.values() for path, domain in knobs.items()}
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
    """Yield why a searcher does not support the objectives or the warm start.

    Args:
        searcher: Name of the searcher; other types are reported elsewhere.
        settings: Settings of the study.
    """
    if not isinstance(searcher, str):
        return  # `check_scheduler_and_searcher` reports it
    try:
        module = STUDY_GROUPS["searcher"].load(searcher)
    except LookupError:
        return  # `check_scheduler_and_searcher` reports it
    if settings.goal.is_multi_objective and getattr(module, "SINGLE", False):
        yield (
            f"searcher: {searcher} maximises one number, and there are two objectives; write "
            "searcher=tpe, gp, nsga2, priorband, random or qmc."
        )
    if settings.warm_start and not getattr(module, "LEARNS", True):
        yield (
            f"warm_start: {searcher} does not learn from trials that it did not propose; write "
            "searcher=tpe, gp, nsga2 or priorband."
        )


def check_scheduler_for_two_objectives(
    scheduler: Mapping[str, object], settings: Settings
) -> Iterator[str]:
    """Yield a warning if the scheduler considers one of two objectives."""
    name = scheduler["name"]
    module = STUDY_GROUPS["scheduler"].load(str(name))
    considers_both = getattr(module, "MULTI_OBJECTIVE", False)
    is_stopping = scheduler.get("variant") == "stopping"
    if settings.goal.is_multi_objective and (is_stopping or not considers_both):
        yield (
            f"scheduler={name} stops by robust accuracy alone, so that trials with a high "
            "clean accuracy may be missing from the front; scheduler=none runs all to the end."
        )


def check_fidelity(
    fidelity: object, scheduler: Mapping[str, object], fixed: Mapping[str, Groups]
) -> None:
    """Check that rungs and attack support a fidelity.

    Args:
        fidelity: What makes lower rungs cheap: "epochs", "schedule" or "attack".
        scheduler: Name and knobs.
        fixed: Fixed knobs of each group, by label of the variant.

    Raises:
        InputError: If they do not.
    """
    rungs = scheduler.get("rungs")
    if fidelity != "epochs" and isinstance(rungs, list | tuple) and "drop" in rungs:
        raise InputError(["scheduler.rungs: a drop is an epoch of one run; write fidelity=epochs."])
    for groups in fixed.values() if fidelity == "attack" else ():
        attack = groups["attack"]
        if not isinstance(attack.get("step_size"), float) or "steps" not in attack:
            name = attack.get("name")
            raise InputError([
                f"fidelity: attack={name} has no steps and step_size to take fewer of."
            ])


FIXED_SHAPE_GROUPS = ("model", "average", "teacher")
"""Groups that determine the tensors of a checkpoint."""


def check_population(
    scheduler: Mapping[str, object],
    variants: Mapping[str, Mapping[str, object]],
    arguments: Mapping[str, object],
) -> Iterator[str]:
    """Yield why a population-based scheduler cannot change the knobs of running trials.

    Args:
        scheduler: Name and knobs.
        variants: Domains by path of the searched knob, by label of the variant.
        arguments: Arguments of the command line as nested dictionaries.
    """
    name = str(scheduler["name"])
    is_known = name in STUDY_GROUPS["scheduler"].members()  # an unknown one is reported elsewhere
    module = STUDY_GROUPS["scheduler"].load(name) if is_known else None
    if not getattr(module, "POPULATION", False):
        return
    if arguments.get("replay"):
        yield (
            f"scheduler: {name} changes knobs of running trials, which recorded runs cannot do; "
            "write another scheduler with replay=, e.g. scheduler=halving."
        )
    if len(variants) > 1:
        yield f"scheduler: {name} changes knobs, not members; search knobs of one variant."
    for key, required in (("fidelity", "epochs"), ("seeds", 1)):
        if arguments.get(key, required) != required:
            yield f"{key}: must be {required} with scheduler={name}, got {arguments[key]}."
    for searched in variants.values():
        yield from check_changeable_knobs(name, searched)
        conflicts = find_hook(module, "conflicts")
        yield from conflicts(searched) if callable(conflicts) else ()


def check_changeable_knobs(scheduler: str, searched: Iterable[str]) -> Iterator[str]:
    """Yield a problem for each knob that cannot change during training."""
    for path in searched:
        if path.partition(".")[0] in FIXED_SHAPE_GROUPS:
            yield f"scheduler: {scheduler} cannot change {path} of a network in training."


def check_search_or_train(*, has_search: bool, single: bool) -> Iterator[str]:
    """Yield the problem of a search without searched knobs, or of training with some.

    Args:
        has_search: Whether any knob is searched.
        single: Whether the command trains a single configuration.
    """
    if single and has_search:
        yield "tuner.train: trains one configuration; attuner search searches."
    if not single and not has_search:
        yield (
            f"space: nothing is searched; name a space, e.g. space=weight_decay (there are: "
            f"{', '.join(registry.list_members(SPACES_PACKAGE))}), or a range, e.g. "
            "optimizer.lr=loguniform(1e-3,1e-1). One configuration is trained by tuner.train."
        )
