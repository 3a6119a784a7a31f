"""Values as a person types them."""

import pytest

from tuner.cli.parse import Vocabulary, parse_command_line
from tuner.cli.values import is_grid
from tuner.config.domain_parser import parse_value_or_domain
from tuner.config.domains import is_domain, list_values


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8/255", 8 / 255), ("1e-1 / 4", 0.025), ("trades", "trades"), (3, 3), (["1/2", 2], [0.5, 2])],
)
def test_numbers_fractions_and_names(text, expected):
    assert parse_value_or_domain(text) == expected


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("uniform(1,12)", (1, 12)),
        ("loguniform(1e-5,1e-2)", (1e-5, 1e-2)),
        ("uniform(1/255, 16/255)", (1 / 255, 16 / 255)),
        ("randint(1,10)", (1, 10)),
        ("qrandint(2,10,2)", (2, 10)),
    ],
)
def test_ranges(text, ends):
    domain = parse_value_or_domain(text)
    assert is_domain(domain)
    assert (domain.lower, domain.upper) == ends


def test_listed_values_keep_their_types():
    assert list_values(parse_value_or_domain("choice(1e-4, 2e-4, true, relu)")) == [
        1e-4,
        2e-4,
        True,
        "relu",
    ]
    assert list_values(parse_value_or_domain("choice([1,2],[3])")) == [[1, 2], [3]]
    assert list_values(parse_value_or_domain("choice([1,2])")) == [1, 2]
    assert is_grid(parse_value_or_domain("grid(1/2)"))
    assert list_values(parse_value_or_domain("grid(1/2)")) == [0.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("uniform(3,1)", "Did you mean uniform(1,3)?"),
        ("uniform(1,1)", "below its high end"),
        ("loguniform(0,1)", "above 0"),
        ("loguniforme(1,2)", "Did you mean 'loguniform'?"),
        ("uniform(1)", "expected uniform(low,high)"),
        ("quniform(1,2)", "expected quniform(low,high,step)"),
        ("uniform(a,b)", "expected uniform(low,high)"),
        ("choice()", "at least one value"),
        ("choice([1)", "cannot read"),
        ("1/0", "a fraction"),
        ("1.2.3/4", "a fraction"),
        ("quniform(0.1,1,0)", "a step above 0"),
        ("qrandint(1,3,-1)", "a step above 0"),
        ("qrandint(11,19,10)", "with multiples between its ends"),
        ("quniform(0,1e300,1e-300)", "a step above 0"),
        ("uniform(0,1" + "0" * 400 + ")", "finite ends"),
        ("randint(1.5,3)", "whole numbers"),
        ("grid(0.01,0.01)", "grid lists 0.01 twice"),
        ("choice(a,b,a)", "choice lists a twice"),
    ],
)
def test_what_is_neither_says_why(text, message):
    with pytest.raises(ValueError, match=r"got|cannot|no domain") as error:
        parse_value_or_domain(text)
    assert message in str(error.value)


@pytest.mark.parametrize("text", ["[" * 90 + "1" + "]" * 90, "[" * 90, "[[["])
def test_nested_brackets_are_one_problem(text):
    line = parse_command_line([f"suite={text}"], Vocabulary(keys=("suite",)))
    (problem,) = line.problems
    assert problem.startswith("suite: cannot read")
