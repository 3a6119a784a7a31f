"""Error of the estimated time left, in simulated studies of every scheduler.

Prints and writes, for each scheduler and number of trials at a time, the error of the estimate when
a quarter, half and three quarters of the study are over, in percent of the time that was left.
"""

import argparse
import json
import math
import platform
import random
import shlex
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.tuner.simulated_study import BEST_WEIGHT_DECAY, run_study
from trainables.training.report import Report
from tuner.config.settings import count_cores
from tuner.runtime.simulation import SimulatedRuntime
from tuner.runtime.study_core import StudyCore

SHARES = (0.25, 0.5, 0.75)
STUDIES = {
    "none": ["scheduler=none"],
    "halving": ["scheduler=halving"],
    "halving, fidelity=epochs": ["scheduler=halving", "fidelity=epochs"],
    "hyperband": ["scheduler=hyperband"],
    "asha": ["scheduler=asha"],
    "median": ["scheduler=median"],
    "pbt": ["scheduler=pbt"],
    "pb2": ["scheduler=pb2"],
    "halving, seeds=3": ["scheduler=halving", "seeds=3"],
}
CONCURRENCIES = (1, 3)
N_TRIALS, N_EPOCHS = 16, 16


@dataclass
class NoisyCurves:
    """Trials that learn faster, the nearer their weight decay is to the best, at unequal speeds.

    Attributes:
        seed: Seed of the noise and of the speeds.
    """

    seed: int

    def train_epoch(
        self, config: Mapping[str, Any], level: int, epoch: int, skill: float
    ) -> tuple[Report, float]:
        """Return the report of an epoch, and what the trial has learned."""
        distance = abs(math.log10(config["optimizer"]["weight_decay"] / BEST_WEIGHT_DECAY))
        skill += (1 - skill) * 0.2 / (1 + distance)
        speed = random.Random(f"{self.seed} {config['trial']}").gauss(0, 0.1)
        noise = random.Random(f"{self.seed} {config['trial']} {level} {epoch}")
        report = Report(
            epoch=epoch,
            train_loss=1 - skill,
            val_clean_accuracy=0.8,
            val_robust_accuracy=0.1 + 0.4 * skill + noise.gauss(0, 0.01),
            lr=0.1,
            eps=0.3,
            gradient_passes=8.0 * epoch,
            seconds=60 * math.exp(speed + noise.gauss(0, 0.05)),
            exam_seconds=5.0,
            level=level,
        )
        return report, skill


@dataclass
class WatchedRuntime(SimulatedRuntime):
    """Notes the estimate after every epoch.

    Attributes:
        estimates: Simulated time and the estimated seconds left then.
    """

    estimates: list[tuple[float, float]] = field(default_factory=list)

    def start_runs(self, core: StudyCore) -> None:
        """Start runs, then note the estimate."""
        super().start_runs(core)
        if (left := core.progress.seconds_left) is not None:
            self.estimates.append((self.now, left))


def estimate_errors(words: list[str], concurrency: int, seed: int) -> list[float]:
    """Return the relative errors of a study's estimates at `SHARES` of its time."""
    runtime = WatchedRuntime(NoisyCurves(seed))
    settings = [f"trials={N_TRIALS}", f"epochs={N_EPOCHS}", f"concurrency={concurrency}"]
    with tempfile.TemporaryDirectory() as folder:
        run_study(Path(folder) / "s", *words, *settings, f"seed={seed}", runtime=runtime)
    errors = []
    for share in SHARES:
        now, left = max(pair for pair in runtime.estimates if pair[0] <= share * runtime.now)
        errors.append(left / (runtime.now - now) - 1)
    return errors


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows = []
    for name, words in STUDIES.items():
        for concurrency in CONCURRENCIES:
            errors = [estimate_errors(words, concurrency, seed) for seed in range(options.seeds)]
            for share, values in zip(SHARES, zip(*errors, strict=True), strict=True):
                rows.append({
                    "study": name,
                    "concurrency": concurrency,
                    "share": share,
                    "n": len(values),
                    "mean_error": round(statistics.mean(values), 3),
                    "std_error": round(statistics.stdev(values), 3),
                    "largest": round(max((abs(value), value) for value in values)[1], 3),
                })
                print(json.dumps(rows[-1]), flush=True)
    if options.output:
        about = {
            "command": shlex.join(["python", "-m", "benchmarks.time_left", *sys.argv[1:]]),
            "date": datetime.now(UTC).date().isoformat(),
            "machine": {"platform": platform.platform(), "cores": count_cores()},
            "seeds": list(range(options.seeds)),
            "trials": N_TRIALS,
            "epochs": N_EPOCHS,
        }
        options.output.write_text(json.dumps(about | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
