"""Results folders as frames, complete and corrupt."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from tests.analysis.by_hand import epoch_rows, trial_row
from trainables.errors import InputError


def written(folder, trials=None, runs=None, said=None):
    """Write a results folder; return it."""
    folder.mkdir(exist_ok=True)
    (folder / "search.yaml").write_text(json.dumps({"study": {"trials": 1}, **(said or {})}))
    if trials is not None:
        frame = pd.DataFrame(trials)
        (
            frame if "trial_id" in frame else frame.reindex(columns=["trial_id", "status"])
        ).to_parquet(folder / "trials.parquet")
    if runs is not None:
        pd.DataFrame(runs).assign(train_loss=1.0).to_parquet(folder / "epochs.parquet")
    return folder


def row(number, status="completed", **more):
    """Return a row of trials as a study writes it, with its knobs behind the status."""
    measured = {
        "best_epoch": 1,
        "val_clean_accuracy": 0.9,
        "val_robust_accuracy": 0.5,
        "last_val_robust_accuracy": 0.5,
    }
    known = trial_row(number, status, **more)
    return {name: value for name, value in known.items() if name != "seed"} | measured | {"seed": 0}


def test_a_complete_study_has_no_problems(tmp_path):
    frames = analysis.load(
        written(tmp_path / "a", [row("0", optimizer__lr=0.1)], epoch_rows("0", 0.5))
    )
    assert frames.problems == ()
    assert frames.knobs == ["optimizer.lr"]
    assert frames.trials["study"].tolist() == ["a"]
    assert frames.epochs["level"].tolist() == [0]


def test_a_folder_without_a_study_is_rejected(tmp_path):
    with pytest.raises(InputError, match="expected at least one"):
        analysis.load()
    with pytest.raises(InputError, match="no such folder"):
        analysis.load(tmp_path / "absent")
    with pytest.raises(InputError, match=r"found no search\.yaml"):
        analysis.load(tmp_path)
    (tmp_path / "file.txt").write_text("nothing")
    with pytest.raises(InputError, match=r"file\.txt: expected a table of logs"):
        analysis.load(tmp_path / "file.txt")


def test_a_study_that_just_started_is_empty_and_reported(tmp_path):
    frames = analysis.load(written(tmp_path / "a"))
    assert frames.trials.empty
    assert frames.epochs.empty
    assert len(frames.problems) == 3
    assert "0 of 1 trials have started" in frames.problems[-1]


def test_a_half_written_file_is_left_out(tmp_path):
    folder = written(tmp_path / "a", [row("0")], epoch_rows("0", 0.5))
    whole = (folder / "epochs.parquet").read_bytes()
    (folder / "epochs.parquet").write_bytes(whole[: len(whole) // 2])
    (folder / "evaluation.parquet").write_bytes(b"")
    frames = analysis.load(folder)
    assert len(frames.trials) == 1
    assert frames.epochs.empty
    assert sum("cannot be read" in each for each in frames.problems) == 2


def test_a_corrupt_search_yaml_leaves_the_frames(tmp_path):
    folder = written(tmp_path / "a", [row("0")], epoch_rows("0", 0.5))
    for text in ("[", "word", "study: 3"):
        (folder / "search.yaml").write_text(text)
        frames = analysis.load(folder)
        assert len(frames.trials) == 1
        assert frames.studies["a"].description.get("study", {}) == {}


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    """The tests may run as root, which can read everything; so the error is simulated."""
    folder = written(tmp_path / "a", [row("0")], epoch_rows("0", 0.5))
    monkeypatch.setattr(
        Path, "is_file", lambda *_: (_ for _ in ()).throw(PermissionError("denied"))
    )
    with pytest.raises(InputError, match=r"cannot be read \(denied\)"):
        analysis.load(folder)


def test_rows_that_come_twice_count_once_the_later(tmp_path):
    runs = [*epoch_rows("0", 0.5), *epoch_rows("0", 0.6)]
    frames = analysis.load(written(tmp_path / "a", [row("0"), row("0", "stopped")], runs))
    assert frames.trials["status"].tolist() == ["stopped"]
    assert frames.epochs["val_robust_accuracy"].tolist() == [0.6]
    assert sum("duplicate rows" in each for each in frames.problems) == 2


def test_a_metric_that_never_appeared_is_there_and_named(tmp_path):
    runs = [{k: v for k, v in each.items() if "robust" not in k} for each in epoch_rows("0", 0.5)]
    frames = analysis.load(written(tmp_path / "a", [row("0")], runs))
    assert frames.problems == ("a: epochs: val_robust_accuracy is missing in all rows.",)
    assert frames.epochs["val_robust_accuracy"].isna().all()


def test_percentages_are_not_read_as_fractions(tmp_path):
    frames = analysis.load(written(tmp_path / "a", [row("0")], epoch_rows("0", 51.0)))
    assert "outside [0, 1] in 1 of 1 rows" in frames.problems[0]
    assert frames.epochs["val_robust_accuracy"].isna().all()


def test_rows_of_no_trial_are_left_out(tmp_path):
    runs = epoch_rows("0", 0.5) + epoch_rows(None, 0.4)
    frames = analysis.load(written(tmp_path / "a", [row("0")], runs))
    assert len(frames.epochs) == 1
    assert "left out 1 rows" in frames.problems[0]


def test_texts_in_number_columns_are_missing_and_counted(tmp_path):
    runs = [{**each, "val_clean_accuracy": "high"} for each in epoch_rows("0", 0.5)]
    frames = analysis.load(written(tmp_path / "a", [row("0")], runs))
    assert "val_clean_accuracy is no number in 1 rows" in frames.problems[0]
    assert frames.epochs["val_clean_accuracy"].isna().all()


def test_a_corrupt_study_does_not_affect_the_others(tmp_path):
    good = written(tmp_path / "a", [row("0")], epoch_rows("0", 0.5))
    frames = analysis.load(good, tmp_path / "absent")
    assert list(frames.studies) == ["a"]
    assert "no such folder" in frames.problems[0]


def test_folders_of_the_same_name_get_distinct_labels(tmp_path):
    folders = []
    for parent in ("x", "y"):
        (tmp_path / parent).mkdir()
        folders.append(written(tmp_path / parent / "a", [row("0")], epoch_rows("0", 0.5)))
    assert list(analysis.load(*folders).studies) == ["x/a", "y/a"]


def test_trial_numbers_are_strings(tmp_path):
    frame = pd.DataFrame([row(7)])
    folder = written(tmp_path / "a", runs=epoch_rows(7, 0.5))
    frame.to_parquet(folder / "trials.parquet")
    frames = analysis.load(folder)
    assert frames.trials["trial_id"].tolist() == frames.epochs["trial_id"].tolist() == ["7"]


def test_zero_rows_keep_their_columns(tmp_path):
    folder = written(tmp_path / "a", [row("0")], epoch_rows("0", 0.5))
    for file in ("trials.parquet", "epochs.parquet"):
        pd.read_parquet(folder / file).head(0).to_parquet(folder / file)
    frames = analysis.load(folder)
    assert frames.problems == ("a: 0 of 1 trials have started.",)
    assert frames.epochs["val_robust_accuracy"].dtype == np.float64
