"""Which configurations get another seed, worked out by hand."""

import math

import pytest

from tuner.state.seed_racing import (
    compute_seed_statistics,
    find_contenders,
    next_seeds,
    pooled_deviation,
)


def test_one_seed_each_is_as_sure_as_the_images_are_many():
    """0.5 on 400 images has an error of 0.025: intervals of 0.049 reach down to 0.402."""
    values = {"a": [0.5], "b": [0.41], "c": [0.39]}
    assert next_seeds(values, max_seeds=3, n_images=400) == [("a", 1), ("b", 1)]
    assert (
        next_seeds(values, max_seeds=3, n_images=40_000) == []
    )  # 0.0049: no other interval overlaps
    assert next_seeds(values, max_seeds=1, n_images=400) == []


def test_a_round_waits_for_all_its_seeds():
    assert next_seeds({"a": [0.5, 0.5], "b": [0.49]}, max_seeds=3, n_images=400) == [("b", 1)]


def test_what_seeds_spread_decides_the_next_round():
    """Pooled over a and b: variances 0.0002 and 0.0002, so 0.01414 with a freedom of 2.

    t(0.975, 2) = 4.303, and the intervals of two seeds reach 4.303 * 0.01414 / sqrt(2) = 0.043.
    """
    near = {"a": [0.51, 0.49], "b": [0.43, 0.41]}
    assert find_contenders(near, near, n_images=400) == ["a", "b"]
    far = {"a": [0.51, 0.49], "b": [0.42, 0.40]}
    assert find_contenders(far, far, n_images=400) == ["a"]
    assert next_seeds(far | {"c": [0.3]}, max_seeds=5, n_images=400) == []
    assert next_seeds(near, max_seeds=5, n_images=400) == [("a", 2), ("b", 2)]


def test_a_configuration_whose_seed_failed_is_out():
    assert next_seeds({"a": [0.5, 0.5], "b": [0.5, None]}, max_seeds=3, n_images=400) == []
    assert next_seeds({"a": [0.5], "b": [None]}, max_seeds=3, n_images=400) == []


def test_no_more_seeds_than_asked_for():
    values = {"a": [0.5, 0.6], "b": [0.5, 0.6]}
    assert next_seeds(values, max_seeds=2, n_images=400) == []


def test_the_spread_is_pooled():
    assert pooled_deviation([[0.5], [0.4]]) == (0.0, 0)
    spread, freedom = pooled_deviation([[1.0, 2.0, 3.0], [1.0, 3.0]])  # (2 * 1 + 1 * 2) / 3
    assert (spread, freedom) == (pytest.approx(math.sqrt(4 / 3)), 3)


def test_the_probability_of_being_best_of_equals_is_a_half():
    statistics = compute_seed_statistics({"a": [0.5, 0.6], "b": [0.6, 0.5]}, n_images=400)
    assert statistics["a"].mean == pytest.approx(0.55)
    assert statistics["a"].std == pytest.approx(math.sqrt(0.005))
    assert statistics["a"].n == 2
    # four standard errors of 20,000 draws
    assert statistics["a"].probability_best == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(20_000))
    assert statistics["a"].probability_best + statistics["b"].probability_best == pytest.approx(1)


def test_the_probability_of_being_best_by_hand():
    """One seed each, 0.5 and 0.45 on 400 images: errors of 0.025, so the difference is 0.05 over
    0.0354, and with a freedom of 400 nearly normal: Phi(1.414) = 0.921."""
    statistics = compute_seed_statistics({"a": [0.5], "b": [0.45]}, n_images=400)
    assert statistics["a"].probability_best == pytest.approx(0.921, abs=0.01)
    assert math.isnan(statistics["a"].std)


def test_nothing_is_known_of_what_failed():
    assert compute_seed_statistics({"a": [None]}, n_images=400) == {}
    assert set(compute_seed_statistics({"a": [None], "b": [0.5]}, n_images=400)) == {"b"}
