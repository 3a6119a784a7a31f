"""From arguments to a plan: recipe < space < arguments."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from trainables import catalogue
from trainables.groups import GROUPS
from trainables.knobs import REQUIRED
from trainables.problems import InputError
from tuner import check
from tuner.arguments import merge
from tuner.domains import is_domain, is_grid
from tuner.plan import Plan, cells
from tuner.settings import Settings

SPACES, RECIPES = "search_spaces", "search_spaces.recipes"
DEFAULT_RECIPE = "mnist5k"
DEFAULT_TRIALS = 12
Layer = Mapping[str, Mapping[str, Any]]


def compose(arguments: Mapping[str, Any], problems: list[str]) -> Plan:
    """Return the plan that the arguments describe.

    Args:
        arguments: As `tuner.arguments.read` returns them.
        problems: What is known to be wrong already.

    Raises:
        InputError: If anything is wrong, with all that is.
    """
    problems = list(problems)
    space = load(SPACES, arguments.get("space"), problems)
    recipe_name = arguments.get("recipe", suited_recipe(arguments))
    recipe = load(RECIPES, recipe_name, problems)
    given = {group: values for group, values in arguments.items() if group in GROUPS}
    varied = space.space() if space else {}
    configuration = layered(recipe.recipe() if recipe else {}, varied, given)
    searched = searched_knobs(configuration)
    if recipe:
        problems += check.configuration(configuration)
    if not searched and (space or "space" not in arguments):
        problems.append(check.nothing_searched(catalogue.names(SPACES)))
    study = study_groups(arguments, searched)
    problems += check.study(study, searched)
    problems += check.settings(arguments)
    if problems:
        raise InputError(problems)
    assert recipe is not None
    settings = check.validated(arguments)
    return Plan(
        settings=settings,
        space=str(arguments.get("space", "custom")),
        recipe=str(recipe_name),
        trials=number_of_trials(settings, study["searcher"]["name"], cells(searched)),
        epochs=settings.epochs or recipe.EPOCHS,
        fixed=completed(configuration),
        searched=searched,
        **study,
    )


def load(folder: str, name: object, problems: list[str]) -> ModuleType | None:
    """Return a space or recipe, or none and a problem if there is no such."""
    if name is None:
        return None
    kind = {SPACES: "space", RECIPES: "recipe"}[folder]
    try:
        module = catalogue.load(folder, str(name))
    except LookupError as error:
        problems.append(f"{kind}: {error}")
        return None
    if not hasattr(module, kind):
        problems.append(f"{kind}: {name} must define a function {kind}().")
        return None
    return module


def suited_recipe(arguments: Mapping[str, Any]) -> str:
    """Return the recipe that the chosen data set names as its own."""
    name = arguments.get("data", {}).get("name")
    try:
        recipe: str = GROUPS["data"].load(name).RECIPE if name else DEFAULT_RECIPE
    except LookupError:
        return DEFAULT_RECIPE  # the unknown data set is told with the rest of the configuration
    return recipe


def layered(recipe: Layer, space: Layer, given: Layer) -> dict[str, dict[str, Any]]:
    """Return the configuration of three layers, the later ones on top.

    A member of a group chosen over the recipe's starts from its own defaults: a learning rate
    meant for SGD says nothing about Adam's.
    """
    result: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
    merge(result, recipe)
    upper: dict[str, dict[str, Any]] = {}
    merge(upper, space)
    merge(upper, given)
    for group, values in upper.items():
        base = result.get(group, {})
        if "name" in values and values["name"] != base.get("name"):
            base = {}
        result[group] = {**base, **values}
    return result


def searched_knobs(configuration: Layer) -> dict[str, Any]:
    """Return the path of each knob that is searched, with its domain."""
    return {
        f"{group}.{knob}": value
        for group, values in configuration.items()
        for knob, value in values.items()
        if is_domain(value)
    }


def study_groups(
    arguments: Mapping[str, Any], searched: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return scheduler and searcher: as given, or ASHA, and a grid if one is asked for."""
    gridded = any(is_grid(domain) for domain in searched.values())
    defaults = {"scheduler": "asha", "searcher": "grid" if gridded else "tpe"}
    return {group: {"name": name, **arguments.get(group, {})} for group, name in defaults.items()}


def number_of_trials(settings: Settings, searcher: str, size: int | None) -> int:
    """Return how many configurations to try: as given, but no more than a grid has cells."""
    if searcher == "grid":
        assert size is not None
        return min(settings.trials or size, size)
    return settings.trials or DEFAULT_TRIALS


def completed(configuration: Layer) -> dict[str, dict[str, Any]]:
    """Return the fixed part of a valid configuration, defaults written out."""
    result = {}
    for group, values in configuration.items():
        known = GROUPS[group].knobs(values.get("name"))
        defaults = {key: k.default for key, k in known.items() if k.default is not REQUIRED}
        fixed = {
            key: value if key == "name" else known[key].validate(value)
            for key, value in values.items()
            if not is_domain(value)
        }
        searched = {key for key, value in values.items() if is_domain(value)}
        everything = {"name": None} | defaults | fixed
        result[group] = {
            k: v for k, v in everything.items() if k not in searched and (k != "name" or v)
        }
    return result
