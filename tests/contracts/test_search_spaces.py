"""What every search space and recipe must satisfy."""

import json

import pytest

from trainables.catalogue import load, names
from tuner.arguments import read
from tuner.compose import compose
from tuner.domains import is_domain

SPACES, RECIPES = names("search_spaces"), names("search_spaces.recipes")


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("space", SPACES)
def test_every_value_searched_is_allowed_on_every_recipe(space, recipe):
    plan = compose(*read([f"space={space}", f"recipe={recipe}"]))
    assert plan.searched
    json.dumps(plan.config())  # names and numbers only: it must survive the disk


@pytest.mark.parametrize("space", SPACES)
def test_the_threat_model_and_the_exam_are_not_searched(space):
    searched = load("search_spaces", space).space()
    for group in ("threat", "exam"):
        assert not any(map(is_domain, searched.get(group, {}).values()))


@pytest.mark.parametrize("space", SPACES)
def test_its_docstring_says_where_the_ranges_come_from(space):
    assert "arXiv:" in load("search_spaces", space).__doc__


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_searches_nothing_and_names_its_source(recipe):
    module = load("search_spaces.recipes", recipe)
    assert not any(is_domain(v) for group in module.recipe().values() for v in group.values())
    assert "arXiv:" in module.__doc__
    assert module.EPOCHS >= 1
