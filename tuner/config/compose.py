"""Compose the plan of a study: recipe < space < arguments."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from trainables.components import GROUPS
from trainables.errors import InputError
from trainables.hparams.group import group_values
from trainables.hparams.knobs import read_knobs
from tuner.cli.parse import merge_nested
from tuner.cli.schema import read_settings
from tuner.cli.values import is_grid
from tuner.config import validate_study, validate_trial
from tuner.config.domains import is_domain, list_values
from tuner.config.plan import Plan, Variant, count_cells, flatten_groups
from tuner.config.prior_file import apply_prior_file
from tuner.config.resources import settle_precision
from tuner.config.settings import Fidelity, Settings
from tuner.config.spaces import ConfigLayer, Space, check_layer, load_space
from tuner.config.study_groups import RECIPES_PACKAGE, SPACES_PACKAGE, STUDY_GROUPS
from tuner.layout import RESULTS_FOLDER

DEFAULT_DATA = "mnist5k"
DEFAULT_TRIALS = 12
DEFAULT_SCHEDULER = "asha"


def compose_plan(
    arguments: Mapping[str, object],
    problems: Sequence[str],
    *,
    base: Space | None = None,
    single: bool = False,
) -> Plan:
    """Return the plan that the arguments describe.

    Args:
        arguments: Arguments of the command line as nested dictionaries.
        problems: Problems found so far.
        base: Base configuration in place of a recipe; `None`: use the recipe.
        single: Whether to train a single configuration rather than search.

    Raises:
        InputError: If anything is invalid; holds all problems.
    """
    problems = list(problems)
    space = (
        load_space(SPACES_PACKAGE, arguments["space"], problems)
        if "space" in arguments
        else Space()
    )
    recipe_name = (
        arguments["recipe"] if "recipe" in arguments else choose_recipe(arguments, space, problems)
    )
    recipe = base or load_space(RECIPES_PACKAGE, recipe_name, problems)
    given = {group: group_values(arguments, group) for group in arguments if group in GROUPS}
    problems += validate_trial.check_searched_members([space.layer if space else {}, given])
    layers = compose_variants(recipe, space, given)
    warnings: list[str] = []
    fixed, invalid_variants = validate_trial.check_variants(
        layers if recipe is not None else {}, warnings
    )
    problems += invalid_variants
    searched = {label: find_searched_knobs(layer) for label, layer in layers.items()}
    has_search = any(searched.values()) or len(layers) > 1
    if space is not None:
        problems += validate_study.check_search_or_train(has_search=has_search, single=single)
    study = resolve_study_groups(arguments, space, grid=defaults_to_grid(layers, space, given))
    settings, invalid = validate_settings(arguments)
    problems += validate_study.check_scheduler_and_searcher(study, searched)
    if not problems:
        searched = apply_prior_file(study["searcher"].get("prior"), searched, problems)
    problems += validate_study.check_population(study["scheduler"], searched, arguments)
    problems += invalid
    problems += (
        ()
        if invalid
        else validate_study.check_searcher_for_objectives(study["searcher"]["name"], settings)
    )
    if problems:
        raise InputError(problems)
    if settings.fidelity is None:
        settings = replace(settings, fidelity=default_fidelity(study["scheduler"]))
    validate_study.check_fidelity(settings.fidelity, study["scheduler"], fixed)
    warnings += validate_study.check_scheduler_for_two_objectives(study["scheduler"], settings)
    variants = tuple(
        Variant(
            label=label,
            fixed=fixed[label],
            searched=searched[label],
            published=space.published.get(label, {}) if space else {},
        )
        for label in layers
    )
    return Plan(
        settings=settle_precision(settings),
        space=str(arguments.get("space", "train" if single else "custom")),
        recipe=str(recipe_name),
        trials=resolve_n_trials(settings, study["searcher"]["name"], count_cells(variants)),
        epochs=settings.epochs or default_epochs(space, recipe),
        variants=variants,
        scheduler=study["scheduler"],
        searcher=study["searcher"],
        typed=frozenset(flatten_groups(given)),
        warnings=tuple(warnings),
        defaulted=find_defaulted(arguments),
    )


def validate_settings(arguments: Mapping[str, object]) -> tuple[Settings, list[str]]:
    """Return the settings of a study, and the problems of invalid ones."""
    return read_settings(Settings, {"results": RESULTS_FOLDER, **arguments})


def choose_recipe(arguments: Mapping[str, object], space: Space | None, problems: list[str]) -> str:
    """Return the recipe of the space, or else `RECIPE` of the data set."""
    if space and space.recipe:
        return space.recipe
    default = group_values(space.layer, "data").get("name", DEFAULT_DATA) if space else DEFAULT_DATA
    name = group_values(arguments, "data").get("name", default)
    try:
        recipe = getattr(GROUPS["data"].load(str(name)), "RECIPE", None)
    except LookupError:
        return DEFAULT_DATA  # `check_member` reports the unknown data set
    if isinstance(recipe, str):
        return recipe
    problems.append(
        f"data: {name} must define RECIPE, the name of a recipe, got {recipe!r}; "
        "or write recipe=NAME."
    )
    return DEFAULT_DATA


def default_epochs(space: Space | None, recipe: Space | None) -> int:
    """Return the epochs of a trial if the command line does not set them."""
    number = (space and space.epochs) or (recipe and recipe.epochs)
    assert number, "a recipe without EPOCHS is refused"
    return number


def compose_variants(
    recipe: Space | None, space: Space | None, given: ConfigLayer
) -> dict[str, dict[str, dict[str, object]]]:
    """Return the configuration of each variant by label.

    A searched member, `model=grid(lenet,small_cnn)`, splits each variant, as members have
    different knobs.
    """
    base, common = (source.layer if source else {} for source in (recipe, space))
    labelled = (space.variants if space else {}) or {"": {}}
    result = {}
    for label, variant in labelled.items():
        upper: dict[str, dict[str, object]] = {}
        for layer in (common, variant, given):
            merge_nested(upper, layer)
        by_name = validate_trial.find_searched_members([
            {g: upper[g] for g in GROUPS if g in upper}
        ])
        for chosen in itertools.product(*(list_values(d) or [None] for d in by_name.values())):
            names = dict(zip(by_name, chosen, strict=True))
            parts = [label, *(f"{group}={name}" for group, name in names.items())]
            named = {g: v | ({"name": names[g]} if g in names else {}) for g, v in upper.items()}
            result[", ".join(filter(None, parts))] = overlay_recipe(base, named)
    return result


def defaults_to_grid(
    layers: Mapping[str, ConfigLayer], space: Space | None, given: ConfigLayer
) -> bool:
    """Return whether the default searcher is grid."""
    domains = [
        domain for layer in layers.values() for domain in find_searched_knobs(layer).values()
    ]
    listed = all(list_values(domain) is not None for domain in domains)
    by_name = validate_trial.find_searched_members([space.layer if space else {}, given])
    labelled = bool(space and space.variants)
    return any(map(is_grid, [*domains, *by_name.values()])) or (labelled and listed)


def overlay_recipe(recipe: ConfigLayer, upper: ConfigLayer) -> dict[str, dict[str, object]]:
    """Return the configuration of a recipe, overridden by space and arguments.

    A method that differs from the recipe's also sets its `COMPANIONS`, for example its attack.
    """
    method = upper.get("method", {}).get("name")
    if method is not None and method != recipe.get("method", {}).get("name"):
        companions = validate_trial.load_companions(method)
        if not any(check_layer(companions, "COMPANIONS")):  # `check_configuration` reports them
            recipe = overlay(recipe, companions)
    return overlay(recipe, upper)


def overlay(base: ConfigLayer, upper: ConfigLayer) -> dict[str, dict[str, object]]:
    """Return `base` with the values of `upper` on top.

    If `upper` chooses another member, knobs specific to the member of `base` are dropped: a
    learning rate for SGD does not suit Adam. Knobs that all members share stay.
    """
    result: dict[str, dict[str, object]] = {
        name: {"name": group.default} if group.default else {} for name, group in GROUPS.items()
    }
    merge_nested(result, base)
    for group, settings in upper.items():
        below = result.get(group, {})
        if group in GROUPS and "name" in settings and settings["name"] != below.get("name"):
            shared = GROUPS[group].common_knobs()
            below = {knob: value for knob, value in below.items() if knob in shared}
        result[group] = {**below, **settings}
    return result


def find_searched_knobs(configuration: ConfigLayer) -> dict[str, object]:
    """Return the domains of searched knobs by path."""
    return {
        f"{group}.{knob}": value
        for group, values in configuration.items()
        for knob, value in values.items()
        if knob != "name" and is_domain(value)
    }


def resolve_study_groups(
    arguments: Mapping[str, object], space: Space | None, *, grid: bool
) -> dict[str, dict[str, object]]:
    """Return scheduler and searcher: of the arguments, of the space, or the defaults."""
    defaults = {
        "scheduler": (space and space.scheduler) or DEFAULT_SCHEDULER,
        "searcher": "grid" if grid else "tpe",
    }
    return {
        group: {"name": name, **group_values(arguments, group)} for group, name in defaults.items()
    }


def find_defaulted(arguments: Mapping[str, object]) -> frozenset[str]:
    """Return which of the choices of a scheduler and of a fidelity were left to their defaults."""
    typed = {
        "scheduler": "name" in group_values(arguments, "scheduler"),
        "fidelity": arguments.get("fidelity") is not None,
    }
    return frozenset(key for key, is_typed in typed.items() if not is_typed)


def default_fidelity(scheduler: Mapping[str, object]) -> Fidelity:
    """Return the default fidelity of a scheduler."""
    module = STUDY_GROUPS["scheduler"].load(str(scheduler["name"]))
    fidelity = read_knobs(Settings)["fidelity"].validate(getattr(module, "FIDELITY", "epochs"))
    return cast("Fidelity", fidelity)


def resolve_n_trials(settings: Settings, searcher: object, n_cells: int | None) -> int:
    """Return the number of configurations to try, at most the number of cells of a grid."""
    if searcher == "grid":
        assert n_cells is not None
        return min(settings.trials or n_cells, n_cells)
    return settings.trials or DEFAULT_TRIALS
