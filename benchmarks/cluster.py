"""A search on three nodes, one of which dies half-way: `uv run python -m benchmarks.cluster`.

The nodes are `ray start`ed on this machine, with separate ports and processes. Each says that
it has a GPU and hides CUDA, so that trials that ask for half a GPU pack two to a node and compute
on the CPU. The last node is killed with SIGKILL, all of its processes at once, while a trial on it
has an epoch behind it.
"""

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.local_cluster import NODES, TIMEOUT, Cluster, kill_node, start_cluster
from tuner.config.settings import count_cores

TRIALS, EPOCHS, GPU_SHARE = 24, 16, 0.5
MAX_CONCURRENT = int(NODES / GPU_SHARE)
"""Trials that run at once."""
SMALL_SETTINGS = [
    "data.validation=60",
    "data.limit=600",
    "attack.steps=1",
    "exam.steps=1",
    "scheduler=none",
]


def read_event_lines(folder: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a study's event log so far."""
    file = folder / "journal.jsonl"
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def is_half_way(folder: Path) -> bool:
    """Return whether half of all trials have ended, and on each node one runs that can continue.

    That is so where more have a checkpoint and epochs to go than fit on the other nodes.
    """
    seen = read_event_lines(folder)
    over = {line["trial_id"] for line in seen if line["event"] == "ended"}
    behind = find_checkpoint_epochs(seen)
    ready = [n for n, epoch in behind.items() if n not in over and epoch < EPOCHS - 1]
    return len(over) >= TRIALS // 2 and len(ready) > MAX_CONCURRENT - MAX_CONCURRENT // NODES


def search_with_node_failure(running: Cluster, results: Path, *words: str) -> dict[str, object]:
    """Run a search, kill the last node half-way, and return the results.

    Args:
        running: The cluster.
        results: Folder for the results.
        words: What to add to the command.

    Raises:
        TimeoutError: If it takes too long.
    """
    folder, start = results / "study", time.perf_counter()
    keys = [
        f"trials={TRIALS}",
        f"epochs={EPOCHS}",
        f"gpu={GPU_SHARE}",
        "cpu=0.5",
        "searcher=random",
    ]
    keys += [f"address={running.address}", f"results={results}", "name=study"]
    program = [
        sys.executable,
        "-m",
        "tuner.search",
        "space=weight_decay",
        *SMALL_SETTINGS,
        *keys,
        *words,
    ]
    log = (results / "log").open("w+")
    process = subprocess.Popen(program, env=running.environment, stdout=log, stderr=log)
    killed = 0.0
    while process.poll() is None:
        if time.perf_counter() - start > TIMEOUT:
            process.kill()
            raise TimeoutError(Path(log.name).read_text())
        if not killed and is_half_way(folder):
            kill_node(running.sessions[-1])
            killed = time.perf_counter() - start
        time.sleep(0.02)
    log.close()
    seconds = time.perf_counter() - start
    found = {"status": process.returncode, "seconds": seconds, "killed_after": killed}
    return found | summarize_trials(folder)


def summarize_trials(folder: Path) -> dict[str, object]:
    """Return numbers on the trials of a study, from its frames and its event log."""
    trials = pd.read_parquet(folder / "trials.parquet")
    epochs = pd.read_parquet(folder / "epochs.parquet")
    seen = read_event_lines(folder)
    went_on = [at for at, event in enumerate(seen) if event["event"] == "went_on"]
    return {
        "trials": len(trials),
        "statuses": dict(Counter(trials.status)),
        "counted_twice": int(trials.trial_id.duplicated().sum()),
        "epochs": len(epochs),
        "epochs_counted_twice": int(epochs.duplicated(["trial_id", "epoch"]).sum()),
        "went_on_behind_epoch": {
            seen[at]["trial_id"]: find_checkpoint_epochs(seen[:at]).get(seen[at]["trial_id"], 0)
            for at in went_on
        },
        "epochs_lost": count_lost_epochs(seen),
        "most_at_once": count_most_concurrent(seen),
    }


def find_checkpoint_epochs(seen: list[dict[str, Any]]) -> dict[str, int]:
    """Return the epoch of the last checkpoint of each trial that has one."""
    reported, kept = dict[str, int](), dict[str, int]()
    for event in seen:
        number = event["trial_id"]
        if event["event"] == "reported":
            reported[number] = event["report"]["epoch"]
        elif event["event"] == "kept":
            kept[number] = reported[number]
    return kept


def count_lost_epochs(seen: list[dict[str, Any]]) -> int:
    """Return how many epochs were trained again although their checkpoint was kept."""
    again = [at for at, event in enumerate(seen) if event["event"] == "reported"]
    return sum(
        seen[at]["report"]["epoch"]
        <= find_checkpoint_epochs(seen[:at]).get(seen[at]["trial_id"], 0)
        for at in again
    )


def count_most_concurrent(seen: list[dict[str, Any]]) -> int:
    """Return the most trials that ran at a time."""
    now, most = set[str](), 0
    for event in seen:
        if event["event"] in {"began", "went_on"}:
            now.add(event["trial_id"])
        elif event["event"] == "ended":
            now.discard(event["trial_id"])
        most = max(most, len(now))
    return most


def main() -> None:
    """Measure once and write the results beside this file."""
    start = time.perf_counter()
    with start_cluster() as running, tempfile.TemporaryDirectory() as folder:
        up = time.perf_counter() - start
        found = search_with_node_failure(running, Path(folder))
    result = {
        "command": "python -m benchmarks.cluster",
        "date": date.today().isoformat(),
        "hardware": f"{count_cores()} cores, {platform.machine()}, {platform.system()}",
        "nodes": NODES,
        "gpu_of_a_trial": GPU_SHARE,
        "seconds_to_start_the_cluster": up,
        **found,
    }
    text = json.dumps(result, indent=2)
    print(text)
    name = f"cluster_{count_cores()}-core-{platform.machine()}_{result['date']}.json"
    (Path(__file__).parent / name).write_text(f"{text}\n")


if __name__ == "__main__":
    main()
