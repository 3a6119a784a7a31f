"""How many trials to run at a time on these cores: `uv run python -m benchmarks.packing`.

The README's trials, all to the end, with as many at a time and as many threads each as the table
says, packings in turn for several rounds. Trials an hour are counted from the first epoch of the
first trial on, so that starting Ray does not blur the difference.
"""

import json
import platform
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from statistics import mean, stdev

import pandas as pd

from tuner.config.settings import count_cores

ROUNDS, TRIALS, EPOCHS = 3, 8, 3
PACKINGS = {
    "two a core, one thread each": (2 * count_cores(), 0.5),
    "one a core, one thread": (count_cores(), 1.0),
    "one, all cores": (1, float(count_cores())),
}
"""Trials at a time, and cores of each."""


def main() -> None:
    """Measure every packing, print and keep the rates."""
    rates: dict[str, list[float]] = {name: [] for name in PACKINGS}
    for _ in range(ROUNDS):
        for name, (number, share) in PACKINGS.items():
            rates[name].append(measure_rate(number, share))
    best = max(mean(found) for found in rates.values())
    for name, found in rates.items():
        print(
            f"{name}: {mean(found):.0f} ± {stdev(found):.0f} trials an hour, "
            f"{mean(found) / best:.3f} of the best"
        )
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept = {
        "command": "python -m benchmarks.packing",
        "date": str(date.today()),
        "hardware": hardware,
        "trials": TRIALS,
        "epochs": EPOCHS,
        "trials_per_hour": {name: [round(r, 1) for r in found] for name, found in rates.items()},
    }
    path = Path(__file__).parent / f"packing_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def measure_rate(number: int, share: float) -> float:
    """Return the trials an hour of one packing."""
    words = [f"concurrency={number}", f"cpu={share}", f"trials={TRIALS}", f"epochs={EPOCHS}"]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tuner.search", "space=weight_decay", "scheduler=none"]
        subprocess.run(
            [*command, *words, f"results={folder}", "name=study"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        files = list((Path(folder) / "study/trials").glob("*/*/result.json"))
        rows = pd.concat(pd.read_json(file, lines=True, convert_dates=False) for file in files)
    ends = pd.to_numeric(rows.timestamp)
    begun = float((ends - rows.time_this_iter_s).min())
    return 3600 * len(files) / (float(ends.max()) - begun)


if __name__ == "__main__":
    main()
