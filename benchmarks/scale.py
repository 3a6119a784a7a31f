"""Cost of the driver of a large study: `uv run python -m benchmarks.scale CURVES`.

Searches of 100, 1,000 and 10,000 trials with one worker per ten trials, each in a separate process,
with everything that a real search has except Ray and training (`tuner/runtime/simulation.py`).
Trials repeat recorded runs of CURVES, thinned to their number of epochs. A decision is one reported
epoch or one proposed trial. Times are CPU seconds of the driver; "late" is the mean over the last
tenth of the events of a kind, when the study is largest.

`python -m benchmarks.scale CURVES TRIALS SCHEDULER SEED` prints what one search costs.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.recorded_runs import RecordedRuns
from benchmarks.timed_runtime import SimulatedClock, Stopwatch, TimedRuntime
from trainables.io.retry import Retry
from tuner.cli.console import SafeConsole
from tuner.config.compose import compose_plan
from tuner.config.settings import count_cores
from tuner.monitoring import line_log, throttle
from tuner.replay.recordings import load_archive
from tuner.runtime import execute, persistence, preparation
from tuner.schedulers.core import factory
from tuner.search import parse_search_arguments
from tuner.searchers.core import optuna_searcher
from tuner.storage import checkpoint_retention, event_log
from tuner.storage.results_store import LocalStore

ROUNDS = {100: 5, 1_000: 3, 10_000: 2}
"""Searches of each size; one of the largest takes minutes."""
EPOCHS = 8
WORDS = ["space=weight_decay", "optimizer.lr=loguniform(1e-3,1)", f"epochs={EPOCHS}", "cpu=1"]
SCHEDULERS = ("halving", "asha")
TIMED_METHODS = [
    (optuna_searcher.OptunaSearcher, "suggest", "searcher, asked"),
    (optuna_searcher.OptunaSearcher, "on_trial_result", "searcher, notified"),
    (optuna_searcher.OptunaSearcher, "on_trial_complete", "searcher, notified"),
    (optuna_searcher.OptunaSearcher, "attach", "searcher, notified"),
    (event_log.EventLog, "write_event", "event log"),
    (checkpoint_retention.CheckpointRetention, "enforce_budget", "disk"),
    (persistence.FrameWriter, "on_trial_change", "frames"),
    (line_log.LineLog, "on_trial_change", "display"),
]


def measure(curves: Path, trials: int, scheduler: str, seed: int) -> dict[str, Any]:
    """Return the cost of one search."""
    clock, stopwatch = SimulatedClock(), Stopwatch()
    runtime = TimedRuntime(RecordedRuns(load_archive(curves).runs), clock, stopwatch)
    for module in (throttle, line_log):
        vars(module)["time"] = clock
    for part in TIMED_METHODS:
        stopwatch.wrap_method(*part)
    words = [*WORDS, f"scheduler={scheduler}", f"trials={trials}", f"seed={seed}"]
    plan = compose_plan(*parse_search_arguments([*words, f"concurrency={trials // 10}"]))
    scheduler_class = type(factory.build_scheduler(plan))
    for method in ("on_report", "next_to_resume"):
        stopwatch.wrap_method(scheduler_class, method, "scheduler")
    syncs = count_syncs()
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:
        preparation.silence_libraries()
        results = Path(folder) / "study"
        execute.start_study(
            plan,
            LocalStore(results),
            [],
            [],
            SafeConsole(file=nowhere),
            preparation.EarlierStudy(),
            Retry(print),
            runtime,
            concurrency=trials // 10,
        )
        sizes = {path.name: path.stat().st_size for path in results.glob("*") if path.is_file()}
    return {
        **summarize_events(runtime, stopwatch, clock),
        "syncs_a_decision": syncs.count
        / len(runtime.driver_times.epochs + runtime.driver_times.proposals),
        # Linux counts kibibytes
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "folder_mb": {name: size / 1e6 for name, size in sizes.items()},
    }


def summarize_events(
    runtime: TimedRuntime, stopwatch: Stopwatch, clock: SimulatedClock
) -> dict[str, Any]:
    """Return the cost of events, in milliseconds."""
    spent = runtime.driver_times
    decisions = len(spent.proposals) + len(spent.epochs)
    return {
        "decisions": decisions,
        "ms_a_decision": 1e3 * clock.cpu_seconds / decisions,
        "ms_a_decision_with_the_disk": 1e3 * clock.wall_seconds / decisions,
        "ms_a_proposal": 1e3 * mean(spent.proposals),
        "ms_a_proposal_late": 1e3 * mean_of_last_tenth(spent.proposals),
        "ms_an_epoch": 1e3 * mean(spent.epochs),
        "ms_an_epoch_late": 1e3 * mean_of_last_tenth(spent.epochs),
        "ms_longest": 1e3 * max(spent.proposals + spent.epochs),
        "share_of_time_busy": clock.cpu_seconds / runtime.now,
        "ms_a_decision_by_part": {k: 1e3 * v / decisions for k, v in stopwatch.seconds.items()},
    }


def mean_of_last_tenth(values: Sequence[float]) -> float:
    """Return the mean of the last tenth."""
    return mean(values[-max(1, len(values) // 10) :])


@dataclass
class Count:
    """A counter."""

    count: int = 0


def count_syncs() -> Count:
    """Return a counter of the `fsync` calls from now on."""
    seen, sync = Count(), os.fsync

    def counting(fd: Any) -> None:  # noqa: ANN401
        seen.count += 1
        sync(fd)

    os.fsync = counting
    return seen


def main(curves: str) -> None:
    """Measure, print and keep the numbers."""
    found = {
        f"{scheduler}, {trials} trials": summarize_rounds([
            measure_in_process(curves, trials, scheduler, seed) for seed in range(rounds)
        ])
        for trials, rounds in ROUNDS.items()
        for scheduler in SCHEDULERS
    }
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept = {
        "command": f"python -m benchmarks.scale {Path(curves).name}",
        "date": str(date.today()),
        "hardware": hardware,
        "seeds": "0 to n - 1",
        "epochs": EPOCHS,
        "workers": "a tenth of the trials",
        **found,
    }
    path = Path(__file__).parent / f"scale_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def measure_in_process(curves: str, trials: int, scheduler: str, seed: int) -> dict[str, Any]:
    """Measure one search in a separate process."""
    words = ["-m", "benchmarks.scale", curves, str(trials), scheduler, str(seed)]
    done = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)
    print(trials, scheduler, seed, done.stdout, flush=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def summarize_rounds(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return mean, spread and number of each value, over rounds."""
    first = rounds[0]
    return {
        key: summarize_rounds([each.get(key, {}) for each in rounds])
        if isinstance(value, dict)
        else summarize_values([each.get(key, 0.0) for each in rounds])
        for key, value in first.items()
    }


def summarize_values(values: Sequence[float]) -> dict[str, float]:
    """Return mean, standard deviation and number of values, shortly."""
    spread = stdev(values) if len(values) > 1 else 0.0
    return {"mean": float(f"{mean(values):.4g}"), "std": float(f"{spread:.2g}"), "n": len(values)}


if __name__ == "__main__":
    file, *asked = sys.argv[1:]
    if asked:
        about = int(asked[0]), asked[1], int(asked[2])
        print(json.dumps(measure(Path(file), *about), indent=1))
    else:
        main(file)
