"""Frames of a large study: `uv run python -m benchmarks.frames`.

A study of 10,000 trials of 200 epochs, whose numbers are noise, is written by one process and read
by another, whose largest resident size counts, imports included.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import fields
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

import analysis
from analysis import selection
from trainables.training.report import Report
from tuner.layout import TRIAL_COLUMNS

TRIALS, EPOCHS = 10_000, 200
ROUNDS = 5


def main() -> None:
    """Measure, print and keep the numbers."""
    with tempfile.TemporaryDirectory() as folder:
        run_part("write", folder)
        rounds = [json.loads(run_part("read", folder)) for _ in range(ROUNDS)]
    hardware = f"{len(os.sched_getaffinity(0))}-core-{platform.machine()}"
    kept = {
        "command": "python -m benchmarks.frames",
        "date": str(date.today()),
        "hardware": hardware,
        "trials": TRIALS,
        "epochs": TRIALS * EPOCHS,
        "median_of": ROUNDS,
        **{name: float(np.median([each[name] for each in rounds])) for name in rounds[0]},
    }
    print(json.dumps(kept, indent=1))
    path = Path(__file__).parent / f"frames_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def run_part(what: str, folder: str) -> str:
    """Run a part of the benchmark in a separate process; return what it prints."""
    command = [sys.executable, "-m", "benchmarks.frames", what, folder]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def write_synthetic_study(folder: Path) -> None:
    """Write a study."""
    rng = np.random.default_rng(0)
    numbers = pd.Series([f"{trial:04d}" for trial in range(TRIALS)], dtype="str")
    epochs = pd.DataFrame({field.name: rng.random(TRIALS * EPOCHS) for field in fields(Report)})
    epochs = epochs.assign(
        epoch=np.tile(np.arange(1, EPOCHS + 1), TRIALS),
        diverged=False,
        level=0,
        collapsed_at=0,
        micro_batch=pd.array([pd.NA] * (TRIALS * EPOCHS), dtype="Int64"),
    )
    epochs.insert(0, "trial_id", numbers.repeat(EPOCHS).to_numpy())
    epochs.to_parquet(folder / "epochs.parquet")
    trials = pd.DataFrame({"trial_id": numbers, "status": "completed"})
    trials["optimizer.lr"] = rng.random(TRIALS)
    measured = {column: kind for column, kind in TRIAL_COLUMNS.items() if column not in trials}
    for column, kind in measured.items():
        trials[column] = rng.random(TRIALS) if kind == "float64" else 0
    trials = trials.astype(TRIAL_COLUMNS)
    trials.to_parquet(folder / "trials.parquet")
    (folder / "search.yaml").write_text(f"study: {{trials: {TRIALS}}}\n")


def measure_reading(folder: Path) -> dict[str, float]:
    """Return the time to read a study, and to select an epoch of each trial."""
    wall, cpu = time.perf_counter(), time.process_time()
    frames = analysis.load(folder)
    found = {
        "load_seconds": time.perf_counter() - wall,
        "load_cpu_seconds": time.process_time() - cpu,
    }
    assert len(frames.epochs) == TRIALS * EPOCHS
    assert not frames.problems
    cpu = time.process_time()
    selection.select_epochs(frames)
    found["selected_cpu_seconds"] = time.process_time() - cpu
    # Linux counts kibibytes
    return found | {"peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write_synthetic_study(Path(sys.argv[2]))
    elif sys.argv[1:2] == ["read"]:
        print(json.dumps(measure_reading(Path(sys.argv[2]))))
    else:
        main()
