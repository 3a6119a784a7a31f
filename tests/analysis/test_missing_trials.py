"""What is missing of a study, counted and named."""

import analysis
from analysis.missing_trials import format_trials
from tests.analysis.by_hand import epoch_rows
from tests.analysis.test_loading import row, written


def test_trials_that_run_and_trials_that_failed_are_counted(tmp_path):
    trials = [row("0"), row("1", "failed")]
    frames = analysis.load(
        written(tmp_path / "a", trials, epoch_rows("0", 0.5) + epoch_rows("2", 0.4))
    )
    assert "a: 1 trial (2) still running, or interrupted." in frames.problems
    assert "a: 1 trial (1) failed." in frames.problems


def test_gaps_in_metrics_are_counted(tmp_path):
    runs = epoch_rows("0", 0.5, float("nan"), 0.3)
    frames = analysis.load(written(tmp_path / "a", [row("0")], runs))
    assert frames.problems == ("a: val_robust_accuracy is missing in 1 epochs of 1 trial (0).",)


def test_counting_names_the_first_few():
    assert format_trials(list("abcdefg")) == "7 trials (a, b, c, d, e, ...)"
