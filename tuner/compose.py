"""From arguments to a plan: recipe < space < arguments."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from trainables.groups import GROUPS
from trainables.knobs import knobs
from trainables.problems import InputError
from tuner import check, check_study
from tuner.domains import is_domain, values
from tuner.keys import validate_arguments
from tuner.ladder import Fidelity
from tuner.plan import Plan, Variant, cells
from tuner.settings import Settings
from tuner.space import RECIPES, SPACES, Layer, Space, load, misshapen
from tuner.study_groups import STUDY_GROUPS
from tuner.typed import is_grid
from tuner.words import merge
from tuner.working_copy import RESULTS

DEFAULT_DATA = "mnist5k"
DEFAULT_TRIALS = 12


def compose(
    arguments: Mapping[str, Any],
    problems: Sequence[str],
    *,
    base: Space | None = None,
    alone: bool = False,
) -> Plan:
    """Return the plan that the arguments describe.

    Args:
        arguments: As `tuner.arguments.read` returns them.
        problems: What is known to be wrong already.
        base: What is fixed, in place of a recipe.
        alone: Whether it is to be one configuration, rather than a search.

    Raises:
        InputError: If anything is wrong, with all that is.
    """
    problems = list(problems)
    space = load(SPACES, arguments["space"], problems) if "space" in arguments else Space()
    wanted = arguments.get("recipe", ...)
    recipe_name = suited_recipe(arguments, space, problems) if wanted is ... else wanted
    recipe = base or load(RECIPES, recipe_name, problems)
    given = {group: values for group, values in arguments.items() if group in GROUPS}
    problems += check.members([space.layer if space else {}, given])
    layers = alternatives(recipe, space, given)
    cautions: list[str] = []
    fixed, wrong = check.configurations(layers if recipe is not None else {}, cautions)
    problems += wrong
    searches = any(map(searched_knobs, layers.values())) or len(layers) > 1
    if space is not None:
        problems += check.purpose(searches=searches, alone=alone)
    study = study_groups(arguments, space, gridded=gridded(layers, space, given))
    labelled = {label: searched_knobs(layer) for label, layer in layers.items()}
    settings, invalid = validate_settings(arguments)
    problems += check_study.study(study, labelled)
    problems += check_study.population(study["scheduler"], labelled, arguments)
    problems += invalid
    problems += () if invalid else check_study.aims(study["searcher"]["name"], settings)
    if problems:
        raise InputError(problems)
    if "fidelity" not in arguments:
        settings = replace(settings, fidelity=usual_fidelity(study["scheduler"]))
    check_study.cheaper(settings.fidelity, study["scheduler"], fixed)
    cautions += check_study.hasty(study["scheduler"]["name"], settings)
    variants = tuple(
        Variant(
            label=label,
            fixed=fixed[label],
            searched=searched_knobs(layer),
            published=space.published.get(label, {}) if space else {},
        )
        for label, layer in layers.items()
    )
    return Plan(
        settings=settings,
        space=str(arguments.get("space", "train" if alone else "custom")),
        recipe=str(recipe_name),
        trials=number_of_trials(settings, study["searcher"]["name"], cells(variants)),
        epochs=settings.epochs or epochs(space, recipe),
        variants=variants,
        cautions=tuple(cautions),
        **study,
    )


def validate_settings(arguments: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """Return the settings of a study, and the problems of those that are invalid."""
    valid, problems = validate_arguments(Settings, arguments)
    if "results" not in arguments:
        valid["results"] = knobs(Settings)["results"].validate(RESULTS)
    return Settings(**valid), problems


def suited_recipe(arguments: Mapping[str, Any], space: Space | None, problems: list[str]) -> str:
    """Return the recipe of the space, or else the one that the data set names as its own."""
    if space and space.recipe:
        return space.recipe
    fixed = space.layer.get("data", {}).get("name", DEFAULT_DATA) if space else DEFAULT_DATA
    name = arguments.get("data", {}).get("name", fixed)
    try:
        recipe = getattr(GROUPS["data"].load(str(name)), "RECIPE", None)
    except LookupError:
        return DEFAULT_DATA  # the unknown data set is told with the rest of the configuration
    if isinstance(recipe, str):
        return recipe
    problems.append(
        f"data: {name} must define RECIPE, the name of one that suits it, got {recipe!r}; "
        "write recipe=NAME to do without."
    )
    return DEFAULT_DATA


def epochs(space: Space | None, recipe: Space | None) -> int:
    """Return the epochs of a whole trial, where the command line does not say."""
    number = (space and space.epochs) or (recipe and recipe.epochs)
    assert number, "a recipe without EPOCHS is refused"
    return number


def alternatives(
    recipe: Space | None, space: Space | None, given: Layer
) -> dict[str, dict[str, dict[str, object]]]:
    """Return the configuration of each variant by its label; members chosen by name among them.

    `model=grid(lenet,small_cnn)` makes two of each, for a network has knobs of its own.
    """
    base, common = (each.layer if each else {} for each in (recipe, space))
    labelled = (space.variants if space else {}) or {"": {}}
    result = {}
    for label, variant in labelled.items():
        upper: dict[str, dict[str, object]] = {}
        for layer in (common, variant, given):
            merge(upper, layer)
        by_name = check.chosen_by_name([{g: upper[g] for g in GROUPS if g in upper}])
        for chosen in itertools.product(*(values(d) or [None] for d in by_name.values())):
            names = dict(zip(by_name, chosen, strict=True))
            parts = [label, *(f"{group}={name}" for group, name in names.items())]
            named = {g: v | ({"name": names[g]} if g in names else {}) for g, v in upper.items()}
            result[", ".join(filter(None, parts))] = layered(base, named)
    return result


def gridded(layers: Mapping[str, Layer], space: Space | None, given: Layer) -> bool:
    """Return whether a study is tried cell by cell unless the command line says otherwise."""
    domains = [domain for layer in layers.values() for domain in searched_knobs(layer).values()]
    listed = all(values(domain) is not None for domain in domains)
    by_name = check.chosen_by_name([space.layer if space else {}, given])
    labelled = bool(space and space.variants)
    return any(map(is_grid, [*domains, *by_name.values()])) or (labelled and listed)


def layered(recipe: Layer, upper: Layer) -> dict[str, dict[str, object]]:
    """Return the configuration of a recipe with space and arguments on top.

    A method that differs from the recipe's brings what it is published with, its attack say.
    """
    method = upper.get("method", {}).get("name")
    if method is not None and method != recipe.get("method", {}).get("name"):
        companions = check.companions(method)
        if not any(misshapen(companions, "COMPANIONS")):  # which is told with the rest
            recipe = over(recipe, companions)
    return over(recipe, upper)


def over(base: Layer, upper: Layer) -> dict[str, dict[str, object]]:
    """Return `base` with the values of `upper` on top.

    A member of a group chosen over another starts from its own defaults, for a learning rate meant
    for SGD says nothing about Adam's; knobs that all members share, such as the batch size, stay.
    """
    result: dict[str, dict[str, object]] = {
        name: {"name": group.default} if group.default else {} for name, group in GROUPS.items()
    }
    merge(result, base)
    for group, settings in upper.items():
        below = result.get(group, {})
        if group in GROUPS and "name" in settings and settings["name"] != below.get("name"):
            shared = GROUPS[group].shared_knobs()
            below = {knob: value for knob, value in below.items() if knob in shared}
        result[group] = {**below, **settings}
    return result


def searched_knobs(configuration: Layer) -> dict[str, object]:
    """Return the path of each knob that is searched, with its domain."""
    return {
        f"{group}.{knob}": value
        for group, values in configuration.items()
        for knob, value in values.items()
        if knob != "name" and is_domain(value)
    }


def study_groups(
    arguments: Mapping[str, Any], space: Space | None, *, gridded: bool
) -> dict[str, dict[str, Any]]:
    """Return scheduler and searcher: as given, as the space says, or halving and TPE or a grid."""
    defaults = {
        "scheduler": (space and space.scheduler) or "halving",
        "searcher": "grid" if gridded else "tpe",
    }
    return {group: {"name": name, **arguments.get(group, {})} for group, name in defaults.items()}


def usual_fidelity(scheduler: Mapping[str, Any]) -> Fidelity:
    """Return what is cheaper at the rungs of a scheduler, where the command line does not say."""
    module = STUDY_GROUPS["scheduler"].load(scheduler["name"])
    usual = knobs(Settings)["fidelity"].validate(getattr(module, "FIDELITY", "epochs"))
    return cast("Fidelity", usual)


def number_of_trials(settings: Settings, searcher: str, size: int | None) -> int:
    """Return how many configurations to try: as given, but no more than a grid has cells."""
    if searcher == "grid":
        assert size is not None
        return min(settings.trials or size, size)
    return settings.trials or DEFAULT_TRIALS
