"""What early stopping saved, by hand."""

import math

import pytest

from analysis.early_stopping_savings import estimate_savings
from tests.analysis.by_hand import epoch_rows, study_frames, trial_row


def saved(trials, runs, *lengths):
    frames = study_frames(trials, runs, levels=[{"epochs": each} for each in lengths])
    (row,) = estimate_savings(frames).to_dict("records")
    return row


def test_epochs_of_one_run_by_hand():
    """Runs of 4 epochs, two of which end after 1: 6 of 12 epochs, 2 passes and 3 seconds each."""
    trials = [trial_row("0"), trial_row("1", "stopped"), trial_row("2", "stopped")]
    row = saved(
        trials, [epoch_rows("0", 0.1, 0.2, 0.5, 0.4), epoch_rows("1", 0.1), epoch_rows("2", 0.3)], 4
    )
    assert (row["trials"], row["stopped"], row["epochs"]) == (3, 2, 6)
    assert (row["epochs_saved"], row["share_saved"]) == (6, 0.5)
    assert (row["gradient_passes"], row["gradient_passes_saved"]) == (12, 12)
    assert (row["seconds"], row["seconds_saved"]) == (18, 18)


def test_possible_loss_by_stopping_by_hand():
    """The trial that continued gained 0.5 - 0.1; so might those that ended at 0.1 and at 0.3."""
    trials = [trial_row("0"), trial_row("1", "stopped"), trial_row("2", "stopped")]
    row = saved(
        trials, [epoch_rows("0", 0.1, 0.5, 0.4), epoch_rows("1", 0.1), epoch_rows("2", 0.3)], 3
    )
    assert row["leader"] == 0.5
    assert row["might_have_reached"] == pytest.approx(0.7)
    assert row["might_have_cost"] == pytest.approx(0.2)
    assert (row["in_doubt"], row["unknown"]) == (1, 0)


def test_no_trial_might_have_reached_more_than_all_images():
    """The one that continued gained 0.7; two stopped at 0.2 and 0.6, of which one reaches 1."""
    trials = [trial_row("0"), trial_row("1", "stopped"), trial_row("2", "stopped")]
    row = saved(trials, [epoch_rows("0", 0.1, 0.8), epoch_rows("1", 0.2), epoch_rows("2", 0.6)], 2)
    assert row["might_have_reached"] == 1.0
    assert row["might_have_cost"] == pytest.approx(0.2)
    assert row["in_doubt"] == 2


def test_short_runs_add_cost_and_are_compared_with_long_runs():
    """2 + 4 epochs of the one and 2 of the other, where two runs of 4 would have been 8."""
    short, long = epoch_rows("0", 0.1, 0.2), epoch_rows("0", 0.2, 0.3, 0.4, 0.4, level=1)
    for row in long:
        row["gradient_passes"] += 4  # they are counted on from the first run
    trials = [trial_row("0"), trial_row("1", "stopped")]
    row = saved(trials, [short, long, epoch_rows("1", 0.1, 0.1)], 2, 4)
    assert (row["epochs"], row["epochs_saved"], row["share_saved"]) == (8, 0, 0)
    assert (row["gradient_passes"], row["gradient_passes_saved"]) == (16, 0)
    # at the end of the short run it had 0.2, and reached 0.4
    assert row["might_have_reached"] == pytest.approx(0.3)
    assert row["might_have_cost"] == 0


def test_epochs_of_a_weaker_run_cost_more_in_the_long_one():
    """The first run's epochs take 1 pass, the second's 2: the stopped trial would have paid 8."""
    trials = [trial_row("0"), trial_row("1", "stopped")]
    short, other = epoch_rows("0", 0.1, 0.2), epoch_rows("1", 0.1, 0.1)
    for row in short + other:
        row["gradient_passes"] /= 2
    long = epoch_rows("0", *[0.3] * 4, level=1)
    for row in long:
        row["gradient_passes"] += 2
    row = saved(trials, [short, long, other], 2, 4)
    assert row["gradient_passes"] == 2 + 8 + 2
    assert row["gradient_passes_saved"] == 2 * 8 - 12


def test_runs_that_no_trial_continued_are_not_estimated():
    row = saved([trial_row("0", "stopped")], [epoch_rows("0", 0.4)], 3)
    assert row["unknown"] == 1
    assert math.isnan(row["might_have_cost"])


def test_nothing_stopped_cost_nothing():
    row = saved([trial_row("0")], [epoch_rows("0", 0.4, 0.3)], 2)
    assert (row["epochs_saved"], row["might_have_cost"], row["in_doubt"]) == (0, 0, 0)


def test_a_diverged_trial_is_not_a_saving():
    trials = [trial_row("0"), trial_row("1", "diverged"), trial_row("2", "stopped", collapsed_at=9)]
    row = saved(trials, [epoch_rows("0", 0.4, 0.3), epoch_rows("1", 0.1), epoch_rows("2", 0.1)], 2)
    assert (row["trials"], row["stopped"], row["epochs_saved"]) == (1, 0, 0)


def test_an_empty_study_saved_nothing():
    row = saved([trial_row("0", "failed")], [epoch_rows("0", 0.4)[:0]], 2)
    assert (row["trials"], row["epochs"], row["share_saved"]) == (0, 0, 0)


def test_further_seeds_are_no_savings_and_no_costs():
    """Of 2 configurations one ends after 1 of 4 epochs: 3 of 8, whatever seeds the other has."""
    trials = [
        trial_row("0", configuration="0"),
        trial_row("1", "stopped", configuration="1"),
        trial_row("0s1", configuration="0"),
    ]
    runs = [epoch_rows("0", *[0.2] * 4), epoch_rows("1", 0.1), epoch_rows("0s1", *[0.2] * 4)]
    row = saved(trials, runs, 4)
    assert (row["epochs"], row["share_saved"]) == (5, 3 / 8)
