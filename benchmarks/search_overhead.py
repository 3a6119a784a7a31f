"""Overhead of the README's search beyond training: `uv run python -m benchmarks.search_overhead`.

The command is run as a user runs it, a few times, one trial a core. Training is the time inside
epochs (validation included), summed over trials and divided by the cores. Idle is what cores wait
for the last trial at the end, likewise. All other wall time is overhead: imports, checks, Ray's
start and end, worker start, checkpoints and bookkeeping.
"""

import json
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from statistics import mean, stdev

import pandas as pd

from tuner.config.settings import count_cores

COMMAND = ["-m", "tuner.search", "space=weight_decay"]
ROUNDS = 3


def measure_search() -> dict[str, float]:
    """Run the search once; return its times and its result."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, *COMMAND, f"results={folder}", "name=study"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        wall = time.perf_counter() - start
        study = Path(folder) / "study"
        trials = pd.read_parquet(study / "trials.parquet")
        epochs = pd.read_parquet(study / "epochs.parquet")
        idle = measure_final_idle(study / "trials")
    training = epochs.seconds.sum() / count_cores()
    return {
        "wall_seconds": wall,
        "training_seconds": training,
        "idle_seconds": idle,
        "overhead_share": 1 - (training + idle) / wall,
        "trials": len(trials),
        "best_val_robust_accuracy": trials.val_robust_accuracy.max(),
    }


def measure_final_idle(trials: Path) -> float:
    """Return the seconds that a core waited for the last trial, averaged over the cores.

    Args:
        trials: Ray's folder of trials; each worker process is one core.
    """
    ends: dict[int, float] = {}
    for file in trials.glob("*/*/result.json"):
        row = json.loads(file.read_text().splitlines()[-1])
        ends[row["pid"]] = max(row["timestamp"], ends.get(row["pid"], 0.0))
    return sum(max(ends.values()) - end for end in ends.values()) / count_cores()


def main() -> None:
    """Measure a few rounds, print them, and write them beside this file."""
    rounds = []
    for number in range(ROUNDS):
        rounds.append(measure_search())
        print(f"round {number}: " + "  ".join(f"{k} {v:.4g}" for k, v in rounds[-1].items()))
    summary: dict[str, object] = {
        "command": "python -m benchmarks.search_overhead",
        "measured": f"python {' '.join(COMMAND)}",
        "date": date.today().isoformat(),
        "hardware": f"{count_cores()} cores, {platform.machine()}, {platform.system()}",
        "seed": 0,
        "n": ROUNDS,
        "rounds": rounds,
    }
    for key in rounds[0]:
        values = [each[key] for each in rounds]
        summary[key] = {"mean": mean(values), "std": stdev(values)}
        print(f"{key}: {mean(values):.4g} +- {stdev(values):.2g} (n={ROUNDS})")
    name = f"search_overhead_{count_cores()}-core-cpu_{date.today().isoformat()}.json"
    (Path(__file__).parent / name).write_text(json.dumps(summary, indent=2) + "\n")


if __name__ == "__main__":
    main()
