"""Which configurations stand for a variant."""

from collections import Counter

import numpy as np
import pytest
from ray import tune

from tuner.config.plan import Variant
from tuner.config.preflight.representative import (
    MAX_CELLS,
    N_COST_DRAWS,
    build_configuration,
    extreme_knob_values,
    find_cost_knobs,
    sample_from_domain,
    sample_knob_values,
)

FIXED = {"attack": {"name": "pgd", "start": "zero"}, "optimizer": {"name": "sgd"}}


def variant(**searched):
    return Variant(
        label="", fixed=FIXED, searched={k.replace("__", "."): v for k, v in searched.items()}
    )


def test_a_range_of_real_numbers_costs_the_same_everywhere():
    one = variant(optimizer__lr=tune.loguniform(1e-3, 1), attack__steps=tune.randint(1, 9))
    assert list(find_cost_knobs(one)) == ["attack.steps"]
    assert list(sample_knob_values(variant(optimizer__lr=tune.loguniform(1e-3, 1)), 0)) == [{}]


def test_few_combinations_are_looked_at_one_by_one():
    one = variant(attack__steps=tune.grid_search([1, 2, 7]), attack__start=tune.choice(["zero"]))
    assert list(sample_knob_values(one, 0)) == [
        {"attack.steps": steps, "attack.start": "zero"} for steps in (1, 2, 7)
    ]


def test_of_many_some_are_drawn_the_same_ones_each_time():
    one = variant(attack__steps=tune.choice(list(range(1, MAX_CELLS + 2))))
    values_drawn = list(sample_knob_values(one, 3))
    assert len(values_drawn) == N_COST_DRAWS
    assert values_drawn == list(sample_knob_values(one, 3))
    assert values_drawn != list(sample_knob_values(one, 4))


@pytest.mark.parametrize(
    ("domain", "values", "mean"),
    [
        (tune.randint(1, 4), {1, 2, 3}, 2),
        (tune.qrandint(2, 8, 2), {2, 4, 6, 8}, 5),
        (tune.choice(["a", "b"]), {"a", "b"}, None),
        (tune.lograndint(1, 5), {1, 2, 3, 4}, None),
    ],
)
def test_every_value_is_drawn(domain, values, mean):
    rng = np.random.default_rng(0)
    values_drawn = Counter(sample_from_domain(domain, rng) for _ in range(2000))
    assert set(values_drawn) == values
    if mean:  # 2000 draws of spread below 2.3: a standard error of 0.05
        assert sum(k * n for k, n in values_drawn.items()) / 2000 == pytest.approx(mean, abs=0.2)


def test_on_a_logarithmic_scale_small_values_come_more_often():
    rng = np.random.default_rng(0)
    values_drawn = Counter(
        sample_from_domain(tune.lograndint(1, 101), rng) <= 10 for _ in range(2000)
    )
    assert values_drawn[True] / 2000 == pytest.approx(
        0.5, abs=0.05
    )  # half of two decades; error 0.011


def test_the_ends_are_the_cheapest_and_the_dearest():
    one = variant(attack__steps=tune.choice([7, 1, 10]), data__batch_size=tune.randint(16, 129))
    cheap, dear = extreme_knob_values(one)
    assert cheap == {"attack.steps": 1, "data.batch_size": 16}
    assert dear == {"attack.steps": 10, "data.batch_size": 128}


def test_a_configuration_has_every_knob():
    one = variant(optimizer__lr=tune.uniform(0.25, 1), attack__steps=tune.choice([1, 2]))
    assert build_configuration(one, {"attack.steps": 2}) == {
        "attack": {"name": "pgd", "start": "zero", "steps": 2},
        "optimizer": {"name": "sgd", "lr": 0.25},
    }
    assert "lr" not in FIXED["optimizer"]
