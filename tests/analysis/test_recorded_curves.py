"""What the authors of "Overfitting in adversarially robust deep learning" found in their runs.

arXiv:2002.11569; the numbers are those of their logs, in percent as they print them.
"""

import pytest

import analysis
from analysis.early_stopping_savings import estimate_savings
from analysis.selection import select_epochs
from analysis.statistics import compare_settings, summarize_seeds
from trainables.errors import InputError


@pytest.fixture
def frames(shared):
    return analysis.load(shared / "at_learning_curves.csv.gz")


def of(frames, run):
    found = select_epochs(frames).set_index("trial_id").loc[run]
    return tuple(
        round(100 * found[name], 1)
        for name in ("val_robust_accuracy", "last_val_robust_accuracy", "robust_overfitting")
    )


def test_the_best_epoch_and_the_last(frames):
    """The baseline and, of the sweep of weight decay, 5e-4."""
    assert of(frames, "cifar10_l2/preactresnet18_5e-4") == (53.6, 44.7, 8.9)
    assert of(frames, "cifar10_standard/preactresnet18") == (53.5, 45.6, 7.9)


def test_the_best_epoch_comes_right_after_the_first_drop_of_the_learning_rate(frames):
    found = select_epochs(frames).set_index("trial_id").loc["cifar10_l2/preactresnet18_5e-4"]
    assert 100 < found["best_epoch"] <= 110
    assert found["last_epoch"] == 200


def test_every_setting_that_learns_overfits(frames):
    found = select_epochs(frames).set_index("trial_id")
    flat = found.index[found["robust_overfitting"] <= 0]
    assert flat.tolist() == ["cifar10_l2/preactresnet18_50"]
    assert found["robust_overfitting"].median() > 0.03


def test_weight_decay_of_5_and_50_collapses(frames):
    """To chance, 10 %; 50 diverged at once, and 5 had 15.6 % on its way."""
    assert of(frames, "cifar10_l2/preactresnet18_5") == (15.6, 10.0, 5.6)
    assert of(frames, "cifar10_l2/preactresnet18_50") == (10.0, 10.0, 0.0)
    status = select_epochs(frames).set_index("trial_id")["status"]
    assert status["cifar10_l2/preactresnet18_50"] == "diverged"


def test_selection_on_the_test_split_is_reported(frames):
    assert "evaluated on the test split" in frames.problems[0]
    assert set(select_epochs(frames)["oracle_split"]) == {"test"}


def test_one_run_per_setting_shows_no_difference(frames):
    assert set(summarize_seeds(frames)["n"]) == {1}
    found = compare_settings(frames, "optimizer.weight_decay", 5e-2, 5e-1)
    assert found.difference == pytest.approx(0.4777 - 0.3396)
    assert found.verdict == "not enough seeds"
    with pytest.raises(InputError, match=r"no trial that ran to its end has 0\.3"):
        compare_settings(frames, "optimizer.weight_decay", 0.3, 5e-1)


def test_nothing_is_saved_if_nothing_was_stopped(frames):
    (row,) = estimate_savings(frames).to_dict("records")
    assert (row["stopped"], row["epochs_saved"]) == (0, 0)
    assert row["leader"] == 0.7162
