"""Overhead of a search beyond training: `uv run python -m benchmarks.search_overhead`.

    uv run python -m benchmarks.search_overhead                          # README's search
    uv run python -m benchmarks.search_overhead small rounds=10          # little training
    uv run python -m benchmarks.search_overhead small before=../checkout # both versions in turn
    uv run python -m benchmarks.search_overhead driver rounds=10         # imports and checks alone

The command is run as a user runs it, a few times, one trial a core. Training is the time inside
epochs (validation included), summed over trials and divided by the cores. Idle is what cores wait
for the last trial at the end, likewise. All other wall time is overhead: imports, checks, Ray's
start and end, worker start, checkpoints and bookkeeping. The CPU seconds are those of all processes
of the search; on a machine with other work, they and their ratio mean more than wall time.
"""

import ctypes
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from statistics import mean, stdev

import pandas as pd

from tuner.config.settings import count_cores

COMMAND = ["-m", "tuner.search", "space=weight_decay"]
SMALL = ["trials=4", "epochs=1", "scheduler=none", "data.limit=400", "data.validation=50"]
DRIVER = """
import os
from tuner.config.compose import compose_plan
from tuner.config.preflight.data_and_network import add_class_balance, check_data_and_networks
from tuner.launch import launch
from tuner.search import parse_search_arguments
plan = compose_plan(*parse_search_arguments(["space=weight_decay"]))
assert not check_data_and_networks(plan)
add_class_balance(plan)
times = os.times()
print(times.user + times.system)
"""
"""What the process of a search does before it runs trials, without Ray; prints CPU seconds."""
ROUNDS = 3
PR_SET_CHILD_SUBREAPER = 36
"""Linux's option by which this process also waits for processes whose parent has ended."""
HERE = Path(__file__).parents[1]


def measure_search(checkout: Path, words: Sequence[str]) -> dict[str, float]:
    """Run the search of a checkout once; return its times and its result."""
    before = cpu_seconds()
    with tempfile.TemporaryDirectory() as folder:
        started_at, start = time.time(), time.perf_counter()
        search = subprocess.Popen(
            [sys.executable, *COMMAND, *words, f"results={folder}", "name=study"],
            cwd=checkout,
            env=os.environ | {"PYTHONPATH": str(checkout)},
            stdout=subprocess.PIPE,
        )
        assert search.stdout is not None
        stamps = [time.perf_counter() - start for _ in search.stdout]
        if search.wait():
            sys.exit(f"the search of {checkout} failed")
        wall = time.perf_counter() - start
        study = Path(folder) / "study"
        trials = pd.read_parquet(study / "trials.parquet")
        epochs = pd.read_parquet(study / "epochs.parquet")
        idle = measure_final_idle(study / "trials")
        reported_at = [row["timestamp"] - started_at for row in read_reports(study / "trials")]
    training = epochs.seconds.sum() / count_cores()
    return {
        "wall_seconds": wall,
        "training_seconds": training,
        "idle_seconds": idle,
        "overhead_seconds": wall - training - idle,
        "overhead_share": 1 - (training + idle) / wall,
        "first_line_seconds": stamps[0],
        "first_epoch_seconds": min(reported_at),
        "end_seconds": wall - max(reported_at),
        "cpu_seconds": cpu_seconds() - before,
        "trials": len(trials),
        "best_val_robust_accuracy": trials.val_robust_accuracy.max(),
    }


def measure_driver(checkout: Path, _: Sequence[str]) -> dict[str, float]:
    """Return the CPU seconds of the imports, the plan and the checks of a search."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return {"cpu_seconds": float(done.stdout)}


def cpu_seconds() -> float:
    """Return the CPU seconds of all processes that this one has started and that have ended.

    Processes of Ray that outlive the search for a moment are waited for.
    """
    with suppress(ChildProcessError):
        while True:
            os.wait()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def read_reports(trials: Path) -> list[dict[str, float]]:
    """Return all reports in Ray's folder of trials; Ray stamps whole seconds."""
    return [
        json.loads(line)
        for file in trials.glob("*/*/result.json")
        for line in file.read_text().splitlines()
    ]


def measure_final_idle(trials: Path) -> float:
    """Return the seconds that a core waited for the last trial, averaged over the cores.

    Args:
        trials: Ray's folder of trials; each worker process is one core.
    """
    ends: dict[float, float] = {}
    for row in read_reports(trials):
        ends[row["pid"]] = max(row["timestamp"], ends.get(row["pid"], 0.0))
    return sum(max(ends.values()) - end for end in ends.values()) / count_cores()


def summarize(rounds: Sequence[dict[str, float]]) -> dict[str, object]:
    """Return the rounds, and mean and standard deviation of each number."""
    summary: dict[str, object] = {"rounds": list(rounds)}
    for key in rounds[0]:
        values = [each[key] for each in rounds]
        summary[key] = {"mean": mean(values), "std": stdev(values) if len(values) > 1 else None}
    return summary


def main(words: Sequence[str]) -> None:
    """Measure a few rounds, print them, and write them beside this file.

    Args:
        words: "small" for little training, "driver" for no search at all, `rounds=N`, and
            `before=FOLDER`, a checkout of an earlier version, whose rounds take turns with those of
            this one.
    """
    options = dict(word.split("=", 1) for word in words if "=" in word)
    n_rounds, small = int(options.get("rounds", ROUNDS)), "small" in words
    measure = measure_driver if "driver" in words else measure_search
    checkouts = {"now": HERE}
    if "before" in options:
        checkouts = {"before": Path(options["before"]).resolve(), **checkouts}
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    for number in range(n_rounds):
        for name, checkout in checkouts.items():
            rounds[name].append(measure(checkout, SMALL if small else []))
            numbers = "  ".join(f"{k} {v:.4g}" for k, v in rounds[name][-1].items())
            print(f"{name} {number}: {numbers}", flush=True)
    results = {name: summarize(each) for name, each in rounds.items()}
    kept = {
        "command": " ".join(["python -m benchmarks.search_overhead", *words]),
        "measured": "imports, plan and checks"
        if "driver" in words
        else " ".join(["python", *COMMAND, *(SMALL if small else [])]),
        "date": date.today().isoformat(),
        "hardware": f"{count_cores()} cores, {platform.machine()}, {platform.system()}",
        "load": os.getloadavg()[0],
        "seed": 0,
        "n": n_rounds,
        **results.pop("now"),
        **results,
    }
    if "before" in options:
        kept["cpu_ratio"] = mean(
            now["cpu_seconds"] / before["cpu_seconds"]
            for now, before in zip(rounds["now"], rounds["before"], strict=True)
        )
        print(f"CPU seconds, now over before: {kept['cpu_ratio']:.3f}")
    kind = "_driver" if "driver" in words else "_small" if small else ""
    name = f"search_overhead{kind}_{count_cores()}-core-cpu_{date.today().isoformat()}.json"
    (Path(__file__).parent / name).write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
