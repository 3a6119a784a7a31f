"""Values as a person types them."""

import pytest
from ray import tune

from tuner.domains import is_domain, is_grid, parse, probes, spelled, values


@pytest.mark.parametrize(
    ("text", "expected"),
    [("8/255", 8 / 255), ("1e-1 / 4", 0.025), ("trades", "trades"), (3, 3), (["1/2", 2], [0.5, 2])],
)
def test_numbers_fractions_and_names(text, expected):
    assert parse(text) == expected


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
    domain = parse(text)
    assert is_domain(domain)
    assert (domain.lower, domain.upper) == ends


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
    assert spelled(parse(text)) == text
    assert spelled(parse(spelled(parse(text)))) == text


def test_listed_values_keep_their_types():
    assert values(parse("choice(1e-4, 2e-4, true, relu)")) == [1e-4, 2e-4, True, "relu"]
    assert values(parse("choice([1,2],[3])")) == [[1, 2], [3]]
    assert values(parse("choice([1,2])")) == [1, 2]
    assert is_grid(parse("grid(1/2)"))
    assert values(parse("grid(1/2)")) == [0.5]


@pytest.mark.parametrize(
    ("text", "said"),
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
    ],
)
def test_what_is_neither_says_why(text, said):
    with pytest.raises(ValueError, match=r"got|cannot|no domain") as error:
        parse(text)
    assert said in str(error.value)


def test_probes_are_the_ends_and_an_odd_point_between():
    assert list(probes(tune.choice([1, 5, 3]))) == [1, 5, 3]
    assert list(probes(tune.randint(1, 10))) == [1, 9]
    low, high, between = probes(tune.uniform(1, 3))
    assert (low, high) == (1, 3)
    assert 1 < between < 3
    assert between != round(between)
    assert list(probes(tune.quniform(1, 3, 1))) == [1, 3]
