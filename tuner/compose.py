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
DEFAULT_DATA = "mnist5k"
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
    space = load(SPACES, arguments["space"], problems) if "space" in arguments else {}
    recipe_name = arguments.get("recipe", suited_recipe(arguments))
    recipe = load(RECIPES, recipe_name, problems)
    given = {group: values for group, values in arguments.items() if group in GROUPS}
    configuration = layered(recipe or {}, space or {}, given)
    searched = searched_knobs(configuration)
    if recipe is not None:
        problems += check.configuration(configuration)
    if not searched and space is not None:
        problems.append(check.nothing_searched(catalogue.names(SPACES)))
    study = study_groups(arguments, searched)
    problems += check.study(study, searched)
    problems += check.settings(arguments)
    if problems:
        raise InputError(problems)
    settings = check.validated(arguments)
    return Plan(
        settings=settings,
        space=str(arguments.get("space", "custom")),
        recipe=str(recipe_name),
        trials=number_of_trials(settings, study["searcher"]["name"], cells(searched)),
        epochs=settings.epochs or catalogue.load(RECIPES, recipe_name).EPOCHS,
        fixed=completed(configuration),
        searched=searched,
        **study,
    )


def load(folder: str, name: object, problems: list[str]) -> Layer | None:
    """Return what a space or recipe says, or none and a problem if it says nothing usable."""
    kind = {SPACES: "space", RECIPES: "recipe"}[folder]
    if not isinstance(name, str):
        problems.append(f"{kind}: must be a name or a path, got {name!r}.")
        return None
    try:
        module = catalogue.load(folder, name)
    except LookupError as error:
        problems.append(f"{kind}: {error}")
        return None
    if wrong := unlike(kind, module):
        problems.append(f"{kind}: {name} {wrong}.")
        return None
    said: Layer = getattr(module, kind)()
    return said


def unlike(kind: str, module: ModuleType) -> str | None:
    """Return what keeps a module from being a space or a recipe, if anything."""
    if not callable(getattr(module, kind, None)):
        return f"must define a function {kind}()"
    if kind == "recipe" and not isinstance(getattr(module, "EPOCHS", None), int):
        return "must define a number EPOCHS"
    try:
        said = getattr(module, kind)()
    except Exception as error:  # a user's file can fail in any way, and that is theirs to mend
        return f"fails in {kind}(): {type(error).__name__}: {error}"
    grouped = isinstance(said, dict) and all(
        isinstance(values, dict) and not is_domain(values) for values in said.values()
    )
    return None if grouped else "must return groups of knobs, {group: {knob: value}}"


def suited_recipe(arguments: Mapping[str, Any]) -> str:
    """Return the recipe that the chosen data set names as its own."""
    name = arguments.get("data", {}).get("name", DEFAULT_DATA)
    try:
        recipe: str = GROUPS["data"].load(str(name)).RECIPE
    except LookupError:
        return DEFAULT_DATA  # the unknown data set is told with the rest of the configuration
    return recipe


def layered(recipe: Layer, space: Layer, given: Layer) -> dict[str, dict[str, Any]]:
    """Return the configuration of three layers, the later ones on top.

    A method that differs from the recipe's brings what it is published with, its attack say.
    """
    upper: dict[str, dict[str, Any]] = {}
    merge(upper, space)
    merge(upper, given)
    method = upper.get("method", {}).get("name")
    if method != recipe.get("method", {}).get("name"):
        recipe = over(recipe, companions(method))
    return over(recipe, upper)


def over(base: Layer, upper: Layer) -> dict[str, dict[str, Any]]:
    """Return `base` with the values of `upper` on top.

    A member of a group chosen over another starts from its own defaults: a learning rate meant for
    SGD says nothing about Adam's.
    """
    result: dict[str, dict[str, Any]] = {
        name: {"name": group.default} if group.default else {} for name, group in GROUPS.items()
    }
    merge(result, base)
    for group, values in upper.items():
        below = result.get(group, {})
        if "name" in values and values["name"] != below.get("name"):
            below = {}
        result[group] = {**below, **values}
    return result


def companions(method: object) -> Layer:
    """Return the groups that a method is published with; none if it says nothing of them."""
    try:
        module = GROUPS["method"].load(method) if isinstance(method, str) else None
    except LookupError:
        return {}  # the unknown method is told with the rest of the configuration
    found: Layer = getattr(module, "COMPANIONS", {})
    return found


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
