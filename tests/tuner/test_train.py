"""Training one configuration without a search."""

import pandas as pd
import pytest
import yaml

from tuner.search import main as search
from tuner.train import main

SMALL = ["data.validation=60", "data.limit=120", "attack.steps=1", "exam.steps=2", "epochs=2"]
TIMES = ["seconds", "exam_seconds"]


def epochs(folder):
    return pd.read_parquet(folder / "epochs.parquet").drop(columns=TIMES)


@pytest.mark.slow
def test_a_trial_of_a_search_trained_alone_has_the_same_numbers(tmp_path, machine):
    """Bit for bit, and once more for a second seed."""
    words = ["space=weight_decay", *SMALL, "trials=2", f"results={tmp_path}", "scheduler=none"]
    assert search([*words, "name=searched"]) == 0
    config = tmp_path / "searched/best/config.yaml"
    assert main([f"config={config}", "seeds=2", f"results={tmp_path}", "name=alone"]) == 0
    winner = yaml.safe_load((tmp_path / "searched/best/metrics.json").read_text())["trial_id"]
    found, whole = epochs(tmp_path / "alone"), epochs(tmp_path / "searched")
    first = found[found.trial_id == "0000"].drop(columns="trial_id").reset_index(drop=True)
    expected = whole[whole.trial_id == winner].drop(columns="trial_id").reset_index(drop=True)
    pd.testing.assert_frame_equal(first, expected)
    trials = pd.read_parquet(tmp_path / "alone/trials.parquet")
    assert list(trials.trial_id) == ["0000", "0000s1"]
    assert list(trials.seed) == [0, 1]
    assert trials["mean"].iloc[0] == pytest.approx(trials.val_robust_accuracy.mean())
    second = found[found.trial_id == "0000s1"]
    assert second.train_loss.iloc[0] != first.train_loss.iloc[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["optimizer.lr=uniform(0.1,1)"], "tuner.train: trains one configuration"),
        (["space=weight_decay"], "space: no such key"),
        (["config=nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["config={file}"], "is no configuration such as best/config.yaml"),
        (["config={file}", "recipe=rice2020"], "leave recipe= out"),
        (["seeds=0"], "seeds: must be greater than or equal to 1"),
    ],
)
def test_bad_input_is_told(tmp_path, capsys, words, message):
    (tmp_path / "some.yaml").write_text("[1, 2]")
    given = [word.format(file=tmp_path / "some.yaml") for word in words]
    assert main([*given, f"results={tmp_path}"]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["some.yaml"]


def test_help_names_what_can_be_said(capsys):
    assert main(["--help", "all"]) == 0
    message = capsys.readouterr().out
    for word in ("config", "rice2020", "pgd_at", "seeds", "attack.steps"):
        assert word in message
    assert "scheduler" not in message
