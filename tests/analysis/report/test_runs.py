"""Runs, rungs, the search path, correlations and the leaderboard, with numbers worked by hand."""

from dataclasses import replace

import pandas as pd
import pytest

import analysis
from analysis.report.correlations import correlate_knobs
from analysis.report.leaderboard import build_leaderboard
from analysis.report.page import render_page, render_sections
from analysis.report.runs import compare_at_points, describe_marks, find_all_rungs
from analysis.report.search_path import build_search_paths
from analysis.report.trials import add_selected_epochs
from tests.analysis.report.studies import (
    trial_row,
    write_small_study_folder,
    write_study_folder,
    write_two_run_study,
)
from tests.analysis.report.test_page import NONE
from tuner.layout import EVENT_LOG_FILE


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    folder = write_two_run_study(tmp_path_factory.mktemp("studies") / "s")
    return add_selected_epochs(analysis.load(folder))


def test_a_mark_says_which_run_an_accuracy_comes_from(two_runs):
    marks = describe_marks(two_runs)
    assert marks["labels"] == ["full run, 3 epochs", "short run, 2 epochs"]
    assert marks["kinds"] == ["full", "short"]
    assert marks["of"] == [0, 0, 1]


def test_a_stopped_trial_of_one_run_is_not_a_full_run(tmp_path):
    folder = write_small_study_folder(tmp_path / "s", study={"epochs": 4})
    marks = describe_marks(add_selected_epochs(analysis.load(folder)))
    assert marks["labels"] == ["full run, 4 epochs", "stopped early", "failed"]
    assert marks["of"] == [0, 0, 0, 0, 1, 2]


def test_trials_are_compared_after_equally_many_epochs(two_runs):
    short, full = compare_at_points(two_runs)
    assert short == {
        "title": "end of the short run, 2 epochs", "kind": "short", "values": [0.4, 0.5, 0.2]
    }  # fmt: skip
    # 0001 has 0.55 at its end; what it had in its short run does not count
    assert full["values"] == [0.6, 0.55, None]
    assert find_all_rungs(two_runs) == [2]


def test_the_path_follows_the_event_log(two_runs):
    found = build_search_paths(two_runs)
    (path,) = found["paths"]
    assert path["ordered"]
    assert path["n"] == 3
    # reports 1 to 4 are improvements, then 0.55 is the 10th and 0.6 the 12th
    assert path["best"] == [0.1, 0.3, 0.4, 0.5, 0.55, 0.6]
    assert path["rows"] == [0, 1, 0, 1, 1, 0]
    assert path["cost"]["epochs"] == [1, 2, 3, 4, 10, 12, 12]
    assert path["cost"]["gradient_passes"] == [6, 12, 18, 24, 60, 72, 72]
    # an epoch took 1.5 s
    assert path["cost"]["seconds"][-1] == pytest.approx(12 * 1.5 / 3600, rel=1e-5)  # six digits
    assert found["trials"]["epochs"] == [12, 10, 7]


def test_without_an_event_log_trials_follow_one_another(tmp_path):
    folder = write_two_run_study(tmp_path / "s")
    (folder / EVENT_LOG_FILE).unlink()
    (path,) = build_search_paths(add_selected_epochs(analysis.load(folder)))["paths"]
    assert not path["ordered"]
    assert path["best"] == [0.1, 0.4, 0.5, 0.6]
    assert path["cost"]["epochs"] == [1, 2, 4, 5, 12]


def test_epochs_that_violate_the_constraint_are_no_improvement(tmp_path):
    folder = write_two_run_study(tmp_path / "s")
    frames = analysis.load(folder)
    study = frames.studies["s"]
    bound = {**study.description, "study": {"constraint": "clean>=0.85"}}
    frames = replace(frames, studies={"s": replace(study, description=bound)})
    # clean accuracy is robust accuracy plus 0.3
    (path,) = build_search_paths(add_selected_epochs(frames))["paths"]
    assert path["best"] == [0.55, 0.6]


def test_correlations_are_of_ranks(tmp_path):
    tops = [0.1, 0.2, 0.4, 0.3, 0.5]
    rows = [
        trial_row(f"{i}", top, knobs={"a": 10.0**i, "b": -i, "word": "xy"[i % 2], "same": 1})
        for i, top in enumerate(tops)
    ]
    frames = add_selected_epochs(analysis.load(write_study_folder(tmp_path / "s", rows)))
    (found,) = correlate_knobs(frames)
    assert found["knobs"] == ["a", "b", "robust accuracy"]
    assert found["n"] == 5
    # ranks 1 2 4 3 5 against 1 2 3 4 5: 1 - 6 * (1 + 1) / (5 * 24) = 0.9
    assert found["values"] == [[1, -1, 0.9], [-1, 1, -0.9], [0.9, -0.9, 1]]


def test_the_leaderboard_puts_autoattack_first(tmp_path):
    def evaluate(folder, standard):
        attacks = ("pgd_20", "apgd_ce", "apgd_t", "fab_t", "square")
        pd.DataFrame([
            {"trial_id": "0003", "rule": "best_validation_robust", "attack": attack, "n": 1000,
             "after": ",".join(attacks[:i]), "robust_accuracy": standard + 0.04 - 0.01 * i,
             "low": 0.3, "high": 0.5, "clean_accuracy": 0.9}
            for i, attack in enumerate(attacks)
        ]).to_parquet(folder / "evaluation.parquet")  # fmt: skip

    for name, standard in (("low", 0.40), ("high", 0.45)):
        evaluate(write_small_study_folder(tmp_path / name), standard)
    write_small_study_folder(tmp_path / "none")
    frames = analysis.load(tmp_path / "low", tmp_path / "none", tmp_path / "high")
    rows = build_leaderboard(add_selected_epochs(frames))
    assert [row.study for row in rows] == ["high", "low", "none"]
    assert rows[0].autoattack == "45.0 [30.0, 50.0], n = 1,000"
    assert rows[2].autoattack == ""
    # Wilson's interval of 600 of 1,000: centre 0.5996, half-width 0.0303
    assert rows[0].robust == "60.0 [56.9, 63.0]"
    text = render_sections(frames, NONE)["summary"]
    assert text.index("<h3>Leaderboard</h3>") < text.index("45.0 [30.0, 50.0]")
    assert "not run" in text
    one = render_sections(analysis.load(tmp_path / "low"), NONE)["summary"]
    assert "Leaderboard" not in one


def test_a_part_of_autoattack_is_not_autoattack(tmp_path):
    folder = write_small_study_folder(tmp_path / "s")
    pd.DataFrame([
        {"trial_id": "0003", "rule": "best_validation_robust", "attack": "square", "n": 1000,
         "after": "apgd_ce,apgd_t", "robust_accuracy": 0.4, "low": 0.3, "high": 0.5,
         "clean_accuracy": 0.9}
    ]).to_parquet(folder / "evaluation.parquet")  # fmt: skip
    (row,) = build_leaderboard(add_selected_epochs(analysis.load(folder)))
    assert row.autoattack == ""
    assert row.worst_case == "40.0 [30.0, 50.0], n = 1,000: square"


def test_the_page_has_all_charts_of_a_log_without_knobs(tmp_path):
    frame = pd.DataFrame({"run": ["a"] * 2, "epoch": [1, 2], "val_robust_acc": [0.1, 0.2]})
    frame.to_csv(tmp_path / "log.csv", index=False)
    assert "chart-correlation" in render_page(analysis.load(tmp_path / "log.csv"), NONE)
