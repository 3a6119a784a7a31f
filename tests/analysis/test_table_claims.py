"""Conclusions of papers: each is of two cells, and true of what was published for them."""

import math

import pytest

from analysis.tables.cells import Cell
from analysis.tables.claim_check import find_cell
from analysis.tables.claims import CLAIMS
from analysis.tables.metrics import METRICS
from analysis.tables.papers import SPACE_TABLES
from analysis.tables.runs import format_label_value
from search_spaces.tables import _published
from trainables.hparams.registry import list_members, load_member

WORTH = 1.0
"""Points, or percent of time, below which two numbers are called alike."""


def modules():
    for name in list_members("search_spaces"):
        yield name, load_member("search_spaces", name)


def cells(space):
    """Return the cells of a space as a study of it would have them."""
    module = load_member("search_spaces", space)
    if hasattr(module, "variants"):
        numbers = module.published()
        return [Cell(label, numbers.get(label, {})) for label in module.variants()]
    found = [""]
    for group, knobs in module.space().items():
        for name, value in knobs.items():
            if isinstance(value, dict):
                words = [f"{group}.{name}={shown_of(each)}" for each in value["grid_search"]]
                found = [", ".join(filter(None, [old, word])) for old in found for word in words]
    return [Cell(label) for label in found]


def shown_of(value):
    return format_label_value(value if isinstance(value, float) else str(value))


def test_spaces_that_reproduce_tables_are_listed():
    there = {name for name, module in modules() if hasattr(module, "published")}
    figures = {name for name in SPACE_TABLES if name.startswith("bag_of_tricks_figure")}
    assert there | figures == set(SPACE_TABLES) == set(CLAIMS)


@pytest.mark.parametrize("space", sorted(set(SPACE_TABLES) - {"gradalign_figure1"}))
def test_a_space_has_the_settings_of_its_table(space):
    source, module = SPACE_TABLES[space], load_member("search_spaces", space)
    printed = [row.numbers.items() for row in _published.list_rows(source.paper, source.table)]
    for numbers in getattr(module, "published", dict)().values():
        assert any(numbers.items() >= row for row in printed)


@pytest.mark.parametrize(
    ("space", "claim"),
    [(space, claim) for space, claims in CLAIMS.items() for claim in claims],
    ids=lambda value: value if isinstance(value, str) else value.statement,
)
def test_a_claim_names_two_cells_and_holds_for_the_published_numbers(space, claim):
    first, second = (find_cell(parts, cells(space)) for parts in (claim.a, claim.b))
    assert first
    assert second
    assert first is not second
    numbers = [each.published.get(claim.metric) for each in (first, second)]
    if None in numbers:
        assert space.partition("_figure")[1], "only of figures there are no numbers"
        return
    metric = METRICS[claim.metric]
    one, other = (float(number.partition(" ")[0]) for number in numbers)
    ahead = 100 * math.log(other / one) if metric.is_training_cost else one - other
    ahead = -ahead if metric.is_error else ahead
    assert {"above": ahead > 0, "alike": abs(ahead) < WORTH, "not above": ahead < 0}[claim.relation]


def test_a_claim_of_several_cells_is_refused():
    with pytest.raises(ValueError, match="'lr=1' is several cells"):
        find_cell("lr=1", [Cell("lr=1, wd=1"), Cell("lr=1, wd=2")])
    assert find_cell("PGD-AT", [Cell("PGD-AT, x"), Cell("PGD-AT")]).label == "PGD-AT"
    assert find_cell("lr=2", [Cell("lr=1")]) is None
