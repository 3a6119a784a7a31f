"""Which configurations get another seed, worked out by hand."""

import math

import numpy as np
import pytest
from scipy.stats import chi2, norm

from benchmarks.best_probability import calibration_table, simulate_studies
from tuner.state.best_probability import (
    SEED_SPREAD,
    SEED_SPREAD_FREEDOM,
    TIE_PROBABILITY,
    TYPICAL_SPREAD,
)
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


def test_equal_results_are_equally_likely_to_be_best():
    """Also if all images are wrong, where an error of 0 would let the first one win."""
    for accuracy in (0.5, 0.0):
        equal = {name: [accuracy, accuracy] for name in "abc"}
        for each in compute_seed_statistics(equal, n_images=400).values():
            # four standard errors of 20,000 draws
            assert each.probability_best == pytest.approx(1 / 3, abs=4 * 0.47 / math.sqrt(20_000))


def test_the_probability_of_being_best_of_two_by_quadrature():
    """One seed each, 0.52 and 0.48 on 400 images: a variance v of 0.25 / 400 and of the seeds.

    Given the spread t of the true accuracies, the difference 0.04 is shrunk by t^2 / (t^2 + v), its
    variance is 2 v t^2 / (t^2 + v), and its likelihood is normal with a variance of 2 (t^2 + v).
    If both are equal, the difference is normal with a variance of 2 v, and each is half the best.
    """
    parts = (np.arange(400) + 0.5) / 400
    spread = TYPICAL_SPREAD * np.tan(np.pi / 2 * parts)[:, None]
    noise = SEED_SPREAD**2 * SEED_SPREAD_FREEDOM / chi2.ppf(parts, SEED_SPREAD_FREEDOM)
    error = 0.25 / 400 + noise
    total = spread**2 + error
    likelihood = norm.pdf(0.04, scale=np.sqrt(2 * total))
    shrunk, deviation = 0.04 * spread**2 / total, np.sqrt(2 * error * spread**2 / total)
    unequal = (1 - TIE_PROBABILITY) * likelihood
    equal = TIE_PROBABILITY * norm.pdf(0.04, scale=np.sqrt(2 * error)).mean()
    best = (unequal * norm.cdf(shrunk / deviation)).mean() + equal / 2
    expected = best / (unequal.mean() + equal)
    statistics = compute_seed_statistics({"a": [0.52], "b": [0.48]}, n_images=400)
    # four standard errors of 20,000 draws, and a coarser grid
    assert statistics["a"].probability_best == pytest.approx(expected, abs=0.015 + 0.005)
    assert math.isnan(statistics["a"].std)


def test_seeds_do_not_reduce_the_error_of_the_split():
    """2 points on 400 images, whose error of 2.5 points many equal seeds leave as it is."""
    many = {"a": [0.52] * 50, "b": [0.50] * 50}
    assert compute_seed_statistics(many, n_images=400)["a"].probability_best < 0.75
    assert compute_seed_statistics(many, n_images=400_000)["a"].probability_best > 0.99


@pytest.mark.parametrize("seed", [0, 1])
def test_stated_probabilities_are_calibrated(seed):
    """To 5 points, plus two standard errors of the number of configurations in each bin."""
    for row in calibration_table(simulate_studies(n_studies=300, seed=seed)):
        error = 2 * math.sqrt(row["stated"] * (1 - row["stated"]) / row["n"])
        assert abs(row["stated"] - row["true"]) <= 0.05 + error


def test_nothing_is_known_of_what_failed():
    assert compute_seed_statistics({"a": [None]}, n_images=400) == {}
    assert set(compute_seed_statistics({"a": [None], "b": [0.5]}, n_images=400)) == {"b"}
