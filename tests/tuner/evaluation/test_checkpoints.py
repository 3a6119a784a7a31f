"""Tests of the ranking of trials."""

import pandas as pd
import pytest
import yaml

from trainables.training.checkpoint import METRICS_FILE, WEIGHTS_FILE
from tuner.evaluation.checkpoints import read_ranked_trials


@pytest.mark.parametrize(
    ("bound", "first"),
    [
        (None, ["0002", "0001", "0000"]),  # robust accuracy, then clean accuracy
        ("clean>=0.8", ["0000", "0002", "0001"]),  # misses 0, 0.1 and 0.2
        ("clean>=0.7", ["0002", "0000", "0001"]),
    ],
)
def test_trials_are_ranked_as_in_the_search(tmp_path, bound, first):
    best = tmp_path / "best"
    best.mkdir()
    config: dict = {group: {"name": "any"} for group in ("threat", "data", "model")}
    config = config | ({"constraint": bound} if bound else {})
    (best / "config.yaml").write_text(yaml.safe_dump(config))
    for name in (WEIGHTS_FILE, METRICS_FILE):
        (best / name).touch()
    table = {
        "trial_id": ["0000", "0001", "0002", "0003"],
        "val_robust_accuracy": [0.3, 0.5, 0.5, None],
        "val_clean_accuracy": [0.8, 0.6, 0.7, None],
        "checkpoint": ["a", "b", "c", ""],
        "status": ["completed", "completed", "completed", "failed"],
        "best_epoch": [1, 1, 1, None],
        "seed": [0, 0, 0, 0],
    }
    pd.DataFrame(table).to_parquet(tmp_path / "trials.parquet")
    assert list(read_ranked_trials(tmp_path).trial_id) == first
