"""The expected long runs of trials, from short runs and pairs."""

import math

import numpy as np
import pytest
from ray import tune
from scipy.stats import multivariate_normal, spearmanr

from tuner.schedulers.core.bias_hypotheses import Hypothesis, Points, list_hypotheses
from tuner.schedulers.core.knob_features import encode_knobs
from tuner.schedulers.core.long_run_model import LongRunModel, Runs, fit

CHANGED = Hypothesis(weight=1.0, bias=0.4, unexplained=0.3, noise=0.05)


def draw_runs(n_trials, n_paired, *, bias, seed=0):
    """Return runs of two knobs; the first knob alone biases the short ones."""
    rng = np.random.default_rng(seed)
    knobs = rng.random((n_trials, 2))
    truth = 0.3 + 0.1 * knobs[:, 1] + 0.01 * rng.standard_normal(n_trials)
    short = truth - 0.2 + bias * knobs[:, 0]
    long = np.where(np.arange(n_trials) < n_paired, truth, math.nan)
    return Runs(knobs, short, long), truth


def test_the_covariances_of_two_trials_by_hand():
    """Knobs 0.25 and 0.75: linear 12 * 0.25 * -0.25 = -0.75, smooth exp(-0.25 / 0.72).

    Explained: (-0.75 + 0.70665) / 2 = -0.021676, of which long runs share 70 %. A short run has
    -0.75 * 0.4 besides, and runs of equal length the variance 4 of their constant.
    """
    points = Points(np.array([[0.25], [0.75]]), np.arange(2), np.array([False, True]))
    long = 0.7 * (-0.75 + math.exp(-0.25 / 0.72)) / 2
    own_long = 0.7 * (0.75 + 1) / 2 + 0.3 + 4
    expected = [[own_long + 0.4 * 0.75, long], [long, own_long]]
    np.testing.assert_allclose(CHANGED.covariance(points, points), expected, rtol=1e-12)
    both_short = Points(points.knobs, points.trials, np.array([False, False]))
    covariance = CHANGED.covariance(both_short, both_short)
    assert covariance[0, 1] == pytest.approx(long - 0.75 * 0.4 + 4)
    same = CHANGED.trial_covariance(points.knobs, one_long=False, other_long=True)
    np.testing.assert_allclose(same, [own_long - 4, own_long - 4])


def test_unrelated_runs_share_nothing():
    hypothesis = Hypothesis(1.0, 0.0, 0.3, 0.05, related=False)
    points = Points(np.full((2, 1), 0.5), np.zeros(2, dtype=int), np.array([False, True]))
    assert hypothesis.covariance(points, points)[0, 1] == 0


def test_the_weights_of_the_hypotheses_sum_to_one():
    assert sum(each.weight for each in list_hypotheses()) == pytest.approx(1)


def test_the_likelihood_of_a_hypothesis_is_that_of_a_normal_distribution():
    """Up to the constant of the number of runs."""
    runs, _ = draw_runs(5, 2, bias=0.1)
    points, values = runs.to_points(), np.linspace(-1, 1, 7)
    covariance = CHANGED.covariance(points, points) + np.diag(CHANGED.noise_variances(points))
    expected = multivariate_normal(np.zeros(7), covariance).logpdf(values)
    constant = 7 / 2 * math.log(2 * math.pi)
    assert fit(CHANGED, points, values).log_evidence - constant == pytest.approx(expected)


def test_a_trial_may_be_added_to_a_fit():
    """A fit to all trials predicts the last one as a fit to the others does from its short run."""
    runs, _ = draw_runs(8, 3, bias=0.1)
    rest = Runs(runs.knobs[:7], runs.short[:7], runs.long[:7])
    values = np.linspace(-1, 1, 11)
    every = fit(CHANGED, runs.to_points(), values)
    others = fit(CHANGED, rest.to_points(), np.delete(values, 7))
    mean, variance = every.predict_known(runs)
    new_mean, new_variance = others.predict_new(runs.knobs[7:], values[7:8])
    # both solve the same linear equations, of a condition number below 1e4
    assert new_mean[0] == pytest.approx(mean[7], rel=1e-9)
    assert new_variance[0] == pytest.approx(variance[7], rel=1e-9)


@pytest.mark.parametrize("n_paired", [3, 5, 8])
def test_pairs_teach_the_bias(n_paired):
    """A bias three times as large as what the long runs differ by hides them."""
    correlations = []
    for seed in range(5):
        runs, truth = draw_runs(20, n_paired, bias=0.3, seed=seed)
        mean = LongRunModel(runs).predict_known().mean
        new = slice(n_paired, None)
        correlations.append([
            spearmanr(each[new], truth[new]).statistic for each in (runs.short, mean)
        ])
    short, corrected = np.mean(correlations, axis=0)
    assert short < 0.4
    assert corrected > short + 0.15


def test_without_a_bias_the_short_runs_rank():
    runs, truth = draw_runs(20, 4, bias=0.0)
    mean = LongRunModel(runs).predict_known().mean
    assert spearmanr(mean, runs.short).statistic > 0.95
    assert abs(mean - truth).max() < 0.03


def test_short_runs_that_say_nothing_are_recognised():
    """The same short runs, of the trials in question and of any others."""
    related, unrelated, by_knobs = [], [], []
    for seed in range(8):
        runs, truth = draw_runs(24, 12, bias=0.0, seed=seed)
        related.append(LongRunModel(runs).unrelated)
        mixed = np.random.default_rng(seed).permutation(runs.short)
        model = LongRunModel(Runs(runs.knobs, mixed, runs.long))
        unrelated.append(model.unrelated)
        by_knobs.append(spearmanr(model.predict_known().mean, truth).statistic)
    assert max(related) < 0.05
    assert np.median(unrelated) > 0.8
    assert min(by_knobs) > 0.6


def test_what_a_prediction_does_not_know_it_says():
    runs, _ = draw_runs(20, 5, bias=0.3)
    std = LongRunModel(runs).predict_known().std
    assert std[:5].max() < std[5:].min()


def test_equal_short_runs_are_no_error():
    runs = Runs(np.full((4, 1), 0.5), np.full(4, 0.1), np.array([0.1, 0.1, 0.1, math.nan]))
    assert np.isfinite(LongRunModel(runs).predict_known().mean).all()


def test_knobs_become_positions_in_their_ranges():
    domains = {
        "lr": tune.loguniform(1e-3, 1e-1),
        "batch": tune.choice([200, 50, 100]),
        "smoothing": tune.uniform(0, 0.4),
        "name": tune.choice(["adam", "sgd"]),
    }
    knobs = {"lr": 1e-2, "batch": 200, "smoothing": 0.1, "name": "adam"}
    assert encode_knobs(knobs, domains) == pytest.approx([0.5, 1.0, 0.25, 1.0, 0.0])
    assert encode_knobs({}, domains) == [0.5] * 5
    assert encode_knobs({"batch": 7}, {"batch": domains["batch"]}) == [0.5]
