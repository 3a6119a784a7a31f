"""Spread over seeds and comparisons, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from analysis import statistics
from analysis.statistics import (
    bootstrap_interval,
    compare_seeds,
    compare_settings,
    summarize_seeds,
    wilson_interval,
)
from tests.analysis.by_hand import epoch_rows, study_frames, trial_row
from trainables.errors import InputError


def seeds(*values, status="completed", knobs=("optimizer.lr",)):
    """Return a study with trials of a learning rate, a seed and a robust accuracy."""
    trials = [
        trial_row(f"{n:04d}", status, seed=seed, optimizer__lr=lr)
        for n, (lr, seed, _) in enumerate(values)
    ]
    runs = [epoch_rows(f"{n:04d}", value) for n, (*_, value) in enumerate(values)]
    return study_frames(trials, runs, knobs=knobs)


def test_mean_and_spread_over_seeds_by_hand():
    """0.4, 0.5, 0.6: the squares of the deviations are 0.02 together, over n - 1 = 2."""
    frames = seeds((0.1, 0, 0.4), (0.1, 1, 0.5), (0.2, 0, 0.7), (0.1, 2, 0.6))
    rows = summarize_seeds(frames)
    assert rows["optimizer.lr"].tolist() == [0.2, 0.1]
    assert rows["n"].tolist() == [1, 3]
    assert rows["mean"].tolist() == [0.7, pytest.approx(0.5)]
    assert rows.loc[1, "std"] == pytest.approx(0.1)
    assert rows.loc[1, "trials"] == ("0000", "0001", "0003")
    assert np.isnan(rows.loc[0, ["std", "low", "high"]].astype(float)).all()


def test_a_missing_knob_is_a_separate_setting():
    rows = summarize_seeds(seeds((math.nan, 0, 0.4), (math.nan, 1, 0.6), (0.1, 0, 0.3)))
    assert rows["n"].tolist() == [2, 1]


def test_stopped_trials_do_not_count_in_a_setting_and_diverged_ones_do():
    assert summarize_seeds(seeds((0.1, 0, 0.4), status="stopped")).empty
    assert len(summarize_seeds(seeds((0.1, 0, 0.4), status="diverged"))) == 1
    collapsed = [trial_row("0", "stopped", collapsed_at=10, optimizer__lr=0.1)]
    frames = study_frames(collapsed, [epoch_rows("0", 0.1)], knobs=("optimizer.lr",))
    assert len(summarize_seeds(frames)) == 1


def test_the_bootstrap_of_two_is_their_three_means():
    """Means are a, (a + b) / 2 and b with 1/4, 1/2, 1/4, so that 2.5 % are the ends themselves."""
    assert bootstrap_interval([0.4, 0.6]) == (0.4, 0.6)
    assert all(map(math.isnan, bootstrap_interval([0.4])))
    assert bootstrap_interval([0.5, 0.5, 0.5]) == (0.5, 0.5)


def test_the_bootstrap_of_many_is_the_normal_interval():
    """1.96 standard errors; 9,999 resamples know an end to about 3 % of that."""
    values = np.random.default_rng(0).normal(0.5, 0.02, 200)
    error = values.std() / math.sqrt(200)
    low, high = bootstrap_interval(values)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)
    assert bootstrap_interval(values) == (low, high)


def test_wilson_by_hand():
    """Of 10 images 5: (0.5 + z²/20 ± z sqrt(1/40 + z²/400)) / (1 + z²/10), z = 1.959964."""
    assert wilson_interval(0.5, 10) == (
        pytest.approx(0.2366, abs=5e-5),
        pytest.approx(0.7634, abs=5e-5),
    )
    assert wilson_interval(0, 10)[0] == 0


def test_pairs_by_hand():
    """Differences 1, 2, 3: mean 2, error 1 / sqrt 3, t 3.464 with 2 degrees of freedom; 4.3027."""
    found = compare_seeds([0.51, 0.62, 0.73], [0.5, 0.6, 0.7], paired=True)
    assert found.difference == pytest.approx(0.02)
    assert found.low == pytest.approx(0.02 - 4.30265 * 0.01 / math.sqrt(3), abs=1e-7)
    assert found.high == pytest.approx(0.02 + 4.30265 * 0.01 / math.sqrt(3), abs=1e-7)
    # Student's t with 2 degrees of freedom has a closed form: 1 - t / sqrt(t² + 2)
    assert found.p == pytest.approx(1 - math.sqrt(12 / 14))
    assert (found.n, found.verdict) == ((3, 3), "not enough seeds")


def test_welch_by_hand():
    """Both of spread 0.01 and n 3: error sqrt(2/3) 0.01, 4 degrees of freedom, 2.77645."""
    found = compare_seeds([0.51, 0.52, 0.53], [0.41, 0.42, 0.43])
    reach = 2.776445 * 0.01 * math.sqrt(2 / 3)
    assert (found.low, found.high) == (pytest.approx(0.1 - reach), pytest.approx(0.1 + reach))
    assert found.verdict == "yes"


def test_welch_does_not_assume_equal_variances():
    """The second has none, so that the first alone gives the error, with 2 degrees of freedom."""
    found = compare_seeds([0.51, 0.52, 0.53], [0.4, 0.4, 0.4])
    assert found.high - found.low == pytest.approx(2 * 4.302653 * 0.01 / math.sqrt(3))


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ([0.50, 0.501, 0.499], [0.50, 0.501, 0.499], "no"),
        ([0.41, 0.42, 0.43], [0.51, 0.52, 0.53], "no"),
        ([0.50, 0.56, 0.44], [0.50, 0.54, 0.42], "not enough seeds"),
        ([0.5], [0.4], "not enough seeds"),
        ([], [0.4], "not enough seeds"),
        ([0.5, 0.5], [0.4, 0.4], "not enough seeds"),
    ],
)
def test_the_verdict_says_whether_one_setting_beats_the_other(a, b, verdict):
    assert compare_seeds(a, b).verdict == verdict


def test_a_rounding_difference_is_no_difference():
    """Three differences of exactly one point, which floats make differ by 1e-17."""
    found = compare_seeds([0.31, 0.41, 0.51], [0.3, 0.4, 0.5], paired=True)
    assert found.difference == pytest.approx(0.01)
    assert math.isnan(found.p)


def test_welch_has_five_percent_false_positives():
    """Of 1,000 comparisons of noise 5 % have p < 0.05; four standard errors are 2.8 %."""
    rng = np.random.default_rng(0)
    found = [compare_seeds(*rng.normal(0.5, 0.01, (2, 5))).p < 0.05 for _ in range(1000)]
    assert abs(sum(found) / 1000 - 0.05) < 0.028


def test_settings_are_compared_seed_by_seed_where_seeds_match():
    frames = seeds(
        (0.1, 0, 0.51), (0.1, 1, 0.62), (0.1, 2, 0.73), (0.2, 0, 0.5), (0.2, 1, 0.6), (0.2, 2, 0.7)
    )
    found = compare_settings(frames, "optimizer.lr", 0.1, 0.2)
    assert found == compare_seeds([0.51, 0.62, 0.73], [0.5, 0.6, 0.7], paired=True)


def test_settings_with_different_seeds_are_compared_unpaired():
    frames = seeds((0.1, 0, 0.5), (0.1, 1, 0.6), (0.2, 2, 0.3), (0.2, 3, 0.4))
    found = compare_settings(frames, "optimizer.lr", 0.1, 0.2)
    assert not found.is_paired
    assert found.n == (2, 2)


def test_pairs_are_alike_in_all_other_knobs():
    """Two batch sizes with a seed each make two pairs."""
    rows = [(0.1, 32, 0.5), (0.1, 64, 0.7), (0.2, 32, 0.4), (0.2, 64, 0.65)]
    trials = [
        trial_row(str(n), optimizer__lr=lr, data__batch_size=size)
        for n, (lr, size, _) in enumerate(rows)
    ]
    runs = [epoch_rows(str(n), value) for n, (*_, value) in enumerate(rows)]
    frames = study_frames(trials, runs, knobs=("optimizer.lr", "data.batch_size"))
    found = compare_settings(frames, "optimizer.lr", 0.1, 0.2)
    assert (found.is_paired, found.n) == (True, (2, 2))
    assert found.difference == pytest.approx(0.075)


def test_missing_knobs_and_values_are_reported():
    frames = seeds((0.1, 0, 0.5))
    with pytest.raises(InputError, match=r"no such knob\. Did you mean 'optimizer\.lr'"):
        compare_settings(frames, "optimizer.lt", 0.1, 0.2)
    with pytest.raises(InputError, match=r"ran to its end has 0.2; there are: 0.1."):
        compare_settings(frames, "optimizer.lr", 0.1, 0.2)
    with pytest.raises(ValueError, match="as many of both, got 2 and 1"):
        compare_seeds([1, 2], [1], paired=True)


def test_same_ignores_only_rounding():
    assert statistics.is_same_value(0.1 + 0.2, 0.3)
    assert not statistics.is_same_value(1e-4, 2e-4)
    assert statistics.is_same_value("sgd", "sgd")
