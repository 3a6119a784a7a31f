"""Which epoch a trial's numbers are of."""

import pandas as pd
import pytest

from analysis.selection import select_epochs
from tests.analysis.by_hand import epoch_rows, study_frames, trial_row


def only(frames):
    (row,) = select_epochs(frames).to_dict("records")
    return row


def test_best_last_and_gap_of_one_run_by_hand():
    row = only(study_frames([trial_row("0")], [epoch_rows("0", 0.2, 0.5, 0.4)]))
    assert (row["best_epoch"], row["val_robust_accuracy"]) == (2, 0.5)
    assert (row["last_epoch"], row["last_val_robust_accuracy"]) == (3, 0.4)
    assert (row["oracle_epoch"], row["oracle_robust_accuracy"]) == (2, 0.5)
    assert row["oracle_split"] == "validation"
    assert row["robust_overfitting"] == pytest.approx(0.1)  # a difference of two floats


def test_ties_are_broken_by_clean_accuracy_then_by_the_earlier_epoch():
    runs = epoch_rows("0", 0.5, clean=0.7) + epoch_rows("0", 0.5, 0.5, clean=0.8, start=2)
    row = only(study_frames([trial_row("0")], [runs]))
    assert (row["best_epoch"], row["val_clean_accuracy"]) == (2, 0.8)


def test_a_constraint_affects_the_selected_epoch_and_not_the_oracle():
    """clean >= 0.8: the second epoch misses it, whatever its robust accuracy."""
    runs = epoch_rows("0", 0.4, clean=0.85) + epoch_rows("0", 0.6, clean=0.7, start=2)
    runs += epoch_rows("0", 0.3, clean=0.9, start=3)
    row = only(study_frames([trial_row("0")], [runs], study={"constraint": "clean>=0.8"}))
    assert (row["best_epoch"], row["val_robust_accuracy"]) == (1, 0.4)
    assert (row["oracle_epoch"], row["oracle_robust_accuracy"]) == (2, 0.6)
    assert row["robust_overfitting"] == pytest.approx(0.1)


def test_if_all_miss_the_constraint_the_nearest_is_selected():
    runs = epoch_rows("0", 0.4, clean=0.75) + epoch_rows("0", 0.6, clean=0.7, start=2)
    row = only(study_frames([trial_row("0")], [runs], study={"constraint": "clean>=0.8"}))
    assert row["best_epoch"] == 1


def test_the_last_of_several_runs_counts_and_the_best_of_all_is_kept():
    short, long = epoch_rows("0", 0.1, 0.6), epoch_rows("0", 0.2, 0.5, 0.3, level=1)
    row = only(study_frames([trial_row("0")], [short, long]))
    assert (row["level"], row["best_epoch"], row["val_robust_accuracy"]) == (0, 2, 0.6)
    assert (row["last_epoch"], row["oracle_epoch"]) == (3, 2)
    assert row["oracle_robust_accuracy"] == 0.5
    assert row["robust_overfitting"] == pytest.approx(0.2)


def test_running_and_failed_trials_have_a_row():
    frames = study_frames([trial_row("0", "failed")], [epoch_rows("1", 0.2)])
    rows = select_epochs(frames).set_index("trial_id")
    assert rows["status"].to_dict() == {"0": "failed", "1": "running"}
    assert pd.isna(rows.loc["0", "val_robust_accuracy"])
    assert rows.loc["1", "val_robust_accuracy"] == 0.2


def test_a_study_without_epochs_uses_its_trials():
    known = {"val_robust_accuracy": 0.5, "best_epoch": 7, "robust_overfitting": 0.1}
    row = only(study_frames([trial_row("0", **known)], [epoch_rows("9", 0.1)[:0]]))
    assert {name: row[name] for name in known} == known


def test_an_epoch_without_validation_is_not_selected():
    row = only(study_frames([trial_row("0")], [epoch_rows("0", 0.1, float("nan"))]))
    assert row["best_epoch"] == 1
    assert pd.isna(row["last_val_robust_accuracy"])


def test_the_oracle_of_an_evaluation_by_hand():
    """Only PGD was made on both checkpoints: 0.4 and 0.45; FGSM's 0.3 is of one alone."""
    rows = [
        ("best_validation_robust", "pgd", 0.4),
        ("best_validation_robust", "fgsm", 0.3),
        ("last_epoch", "pgd", 0.45),
    ]
    evaluation = [
        {"trial_id": "0", "rule": r, "attack": a, "robust_accuracy": v, "settings": a, "n": 100}
        for r, a, v in rows
    ]
    frames = study_frames([trial_row("0")], [epoch_rows("0", 0.2, 0.5)], evaluation=evaluation)
    row = only(frames)
    assert (row["oracle_robust_accuracy"], row["oracle_split"]) == (0.45, "test")
    assert pd.isna(row["oracle_epoch"])
