"""Cost of a search that trains nothing: `uv run python -m benchmarks.machinery`.

Trials report as real ones do, one small checkpoint an epoch, and compute nothing. Trials a second
are counted from the first one's begin to the last one's end, and seconds an epoch likewise from
trials of many epochs.
"""

import json
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pandas as pd
from ray import tune

from trainables.training.checkpoint import METRICS_FILE, WEIGHTS_FILE
from trainables.training.report import Report
from tuner.config.settings import count_cores
from tuner.runtime import ray_tune
from tuner.search import main as search

TRIALS, LONG_TRIALS, EPOCHS, ROUNDS = 100, 4, 50, 3


def report_without_training(config: Mapping[str, Any]) -> None:
    """Report as a trial does, without training."""
    for epoch in range(1, config["levels"][0]["epochs"] + 1):
        report = Report(
            epoch=epoch,
            train_loss=1.0,
            val_clean_accuracy=0.5,
            val_robust_accuracy=0.5,
            lr=0.1,
            eps=0.1,
            gradient_passes=1.0,
            seconds=time.time(),
            exam_seconds=0.0,
        )
        with tempfile.TemporaryDirectory() as folder:
            for name in (WEIGHTS_FILE, METRICS_FILE):
                (Path(folder) / name).write_text(json.dumps(asdict(report)))
            tune.report(asdict(report), checkpoint=tune.Checkpoint.from_directory(folder))


def measure_seconds(trials: int, epochs: int) -> float:
    """Return the seconds from the first report to the last."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["space=weight_decay", "scheduler=none", f"trials={trials}", f"epochs={epochs}"]
        status = search([*words, "searcher=random", f"results={folder}", "name=empty"])
        assert status == 0
        moments = pd.read_parquet(Path(folder) / "empty/epochs.parquet").seconds
    return float(moments.max() - moments.min())


def main() -> None:
    """Measure, print and keep the numbers."""
    vars(ray_tune)["trainable"] = report_without_training
    rates = [(TRIALS - 1) / measure_seconds(TRIALS, 1) for _ in range(ROUNDS)]
    number = LONG_TRIALS * EPOCHS
    each = [count_cores() * measure_seconds(LONG_TRIALS, EPOCHS) / number for _ in range(ROUNDS)]
    kept = {
        "command": "python -m benchmarks.machinery",
        "date": str(date.today()),
        "hardware": f"{count_cores()}-core-{platform.machine()}",
        "trials_a_second": {"mean": mean(rates), "std": stdev(rates), "n": ROUNDS},
        "seconds_an_epoch": {"mean": mean(each), "std": stdev(each), "n": ROUNDS},
        "share_of_epochs_of_60_seconds": mean(each) / 60,
    }
    print(json.dumps(kept, indent=1), file=sys.stderr)
    name = f"machinery_{kept['hardware']}_{date.today()}.json"
    (Path(__file__).parent / name).write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
