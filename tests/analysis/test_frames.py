"""Frames of several studies as one."""

import pandas as pd

import analysis
from tests.analysis.by_hand import epoch_rows
from tests.analysis.test_loading import row, written


def test_studies_with_other_columns_and_other_types_are_joined(tmp_path):
    one = written(tmp_path / "a", [row("0", optimizer__lr=0.1, only__a=1)], epoch_rows("0", 0.5))
    other = written(tmp_path / "b", [row("0", optimizer__lr="auto")], epoch_rows("0", 0.4))
    frames = analysis.load(one, other)
    assert frames.trials["optimizer.lr"].tolist() == ["0.1", "auto"]
    assert frames.trials["only.a"].isna().tolist() == [False, True]
    assert "optimizer.lr: numbers in one study and words in another; as words." in frames.problems
    assert list(frames.trials["study"]) == ["a", "b"]


def test_numbers_of_two_kinds_stay_numbers(tmp_path):
    one = written(tmp_path / "a", [row("0", optimizer__lr=1)], epoch_rows("0", 0.5))
    other = written(tmp_path / "b", [row("0", optimizer__lr=0.5)], epoch_rows("0", 0.4))
    frames = analysis.load(one, other)
    assert frames.problems == ()
    assert frames.trials["optimizer.lr"].tolist() == [1, 0.5]


def test_categories_of_two_studies_are_joined(tmp_path):
    folders = []
    for name, value in (("a", "sgd"), ("b", "adam")):
        frame = pd.DataFrame([row("0", optimizer=value)]).astype({"optimizer": "category"})
        folder = written(tmp_path / name, runs=epoch_rows("0", 0.5))
        frame.to_parquet(folder / "trials.parquet")
        folders.append(folder)
    frames = analysis.load(*folders)
    assert frames.trials["optimizer"].tolist() == ["sgd", "adam"]
    assert not isinstance(frames.trials["optimizer"].dtype, pd.CategoricalDtype)
