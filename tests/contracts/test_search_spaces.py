"""What every search space and recipe must satisfy."""

import json

import pytest

from trainables.errors import InputError
from trainables.hparams.registry import list_members, load_member
from tuner.cli.values import is_grid
from tuner.config.compose import compose_plan
from tuner.config.domains import is_domain
from tuner.config.spaces import call_module_function
from tuner.search import parse_search_arguments

SPACES, RECIPES = list_members("search_spaces"), list_members("search_spaces.recipes")
DATA_RECIPES = ["mnist5k", "mnist", "cifar10", "svhn"]
"""The recipes that data sets name."""


SPACE_RECIPES = [
    (space, getattr(load_member("search_spaces", space), "RECIPE", None)) for space in SPACES
]
RUNS = [(space, each) for space, own in SPACE_RECIPES for each in ([own] if own else DATA_RECIPES)]


@pytest.mark.parametrize(("space", "recipe"), RUNS)
def test_every_searched_value_is_valid_with_its_recipe(space, recipe):
    plan = compose_plan(*parse_search_arguments([f"space={space}", f"recipe={recipe}"]))
    assert plan.domains_by_knob or len(plan.variants) > 1
    for variant in plan.variants:
        json.dumps(variant.fixed)  # names and numbers only: it must survive the disk


@pytest.mark.parametrize("space", SPACES)
def test_the_threat_model_and_the_validation_attack_are_only_searched_as_a_grid(space):
    module = load_member("search_spaces", space)
    for layer in (module.space(), *call_module_function(module, "variants").values()):
        for group in ("threat", "exam"):
            domains = [value for value in layer.get(group, {}).values() if is_domain(value)]
            assert all(map(is_grid, domains))


@pytest.mark.parametrize("space", SPACES)
def test_its_docstring_says_where_the_ranges_come_from(space):
    assert "arXiv:" in load_member("search_spaces", space).__doc__


@pytest.mark.parametrize("space", SPACES)
def test_published_results_are_of_a_variant(space):
    module = load_member("search_spaces", space)
    assert (
        call_module_function(module, "published").keys()
        <= call_module_function(module, "variants").keys()
    )


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_searches_nothing_and_names_its_source(recipe):
    module = load_member("search_spaces.recipes", recipe)
    assert not any(is_domain(v) for group in module.recipe().values() for v in group.values())
    assert "arXiv:" in module.__doc__ or "openreview:" in module.__doc__
    assert module.EPOCHS >= 1


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_complete(recipe):
    plan = compose_plan(
        *parse_search_arguments([f"recipe={recipe}", "optimizer.weight_decay=grid(0,1e-4)"])
    )
    (variant,) = plan.variants
    assert all(variant.fixed[group] for group in variant.fixed)


def test_a_space_refuses_a_knob_without_effect():
    with pytest.raises(InputError, match=r"attack\.grows: changes nothing, because method=standa"):
        compose_plan(*parse_search_arguments(["space=attack_early_stop", "method=standard"]))
