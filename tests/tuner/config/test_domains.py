"""Domains: what they hold, and what nothing can be drawn from."""

import math

import pytest
from ray import tune

from tuner.config.domain_parser import check_domain, parse_value_or_domain
from tuner.config.domains import boundary_values, contains, contains_domain, format_domain


@pytest.mark.parametrize(
    "text",
    [
        "uniform(1, 12)",
        "loguniform(1e-05, 0.01)",
        "randint(1, 10)",
        "lograndint(1, 10)",
        "quniform(1, 3, 0.5)",
        "qrandint(2, 10, 2)",
        "qloguniform(2, 100, 2)",
        "choice(relu, gelu)",
        "grid(1, 2)",
    ],
)
def test_what_is_spelled_out_can_be_typed_again(text):
    assert format_domain(parse_value_or_domain(text)) == text
    assert format_domain(parse_value_or_domain(format_domain(parse_value_or_domain(text)))) == text


def test_probes_are_the_ends_and_an_odd_point_between():
    assert list(boundary_values(tune.choice([1, 5, 3]))) == [1, 5, 3]
    assert list(boundary_values(tune.randint(1, 10))) == [1, 9, 2]
    low, high, between = boundary_values(tune.uniform(1, 3))
    assert (low, high) == (1, 3)
    assert 1 < between < 3
    assert between != round(between)
    assert list(boundary_values(tune.quniform(1, 3, 1))) == [1, 3, 2]


def test_probes_of_what_has_a_step_are_multiples_of_it():
    assert list(boundary_values(tune.quniform(1, 3, 0.5))) == [1, 3, 1.5]
    assert list(boundary_values(tune.qrandint(1, 9, 2))) == [2, 8, 4]
    assert list(boundary_values(tune.qrandint(2, 10, 2))) == [2, 10, 4]
    assert list(boundary_values(tune.qrandint(1, 10, 1))) == [1, 9, 2]
    assert next(boundary_values(tune.quniform(0.3, 0.9, 0.1))) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        (tune.uniform(0.3, 0.1), "Did you mean uniform(0.1,0.3)?"),
        (tune.randint(1, math.nan), "finite ends"),
        (tune.randint("a", "b"), "expected randint(low,high), got randint(a, b)."),
        (tune.qrandint(11, 19, 10), "with multiples between its ends"),
        (tune.randint(1.5, 3), "whole numbers"),
        (tune.randn(0, 1), "needs a domain with ends"),
        (tune.sample_from(lambda config: 1), "needs a domain with ends"),
        (tune.choice([]), "choice needs at least one value"),
        (tune.choice([[1], [1]]), "choice lists [1] twice"),
        ({"grid_search": 5}, "grid_search needs a list of values, got 5."),
        ({"grid_search": []}, "grid needs at least one value"),
    ],
)
def test_a_domain_that_nothing_can_be_drawn_from_says_why(domain, message):
    (problem,) = check_domain(domain)
    assert message in problem


@pytest.mark.parametrize("text", ["uniform(1, 12)", "qrandint(2, 10, 2)", "choice(1, 2)"])
def test_a_domain_that_can_be_drawn_from_has_no_flaws(text):
    assert not list(check_domain(parse_value_or_domain(text)))


@pytest.mark.parametrize(
    ("listed", "value", "contained"),
    [
        (1, 1.0, True),
        (1, True, False),
        (True, 1, False),
        (False, False, True),
        (0, False, False),
        ([1, 2], (1, 2), True),
        ([1, 2], (True, 2), False),
        ([1, 2], (1,), False),
        ([[0], 2], [[False], 2], False),
        ("1", 1, False),
        (None, False, False),
    ],
)
def test_a_truth_value_is_no_number_and_a_list_is_a_tuple(listed, value, contained):
    assert contains(tune.choice([listed, "other"]), value) == contained
    assert contains_domain(tune.grid_search([listed, 7]), tune.grid_search([value])) == contained
