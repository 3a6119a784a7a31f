"""Cost of a trial before it trains: `uv run python -m benchmarks.trial_start`.

One short trial after the other. The first pays for its process; the others take over a process that
is there, with its data. What is counted is the time from the first trial's report to the last one's
that no trial trained or was validated in, a share for each trial; Ray stamps whole seconds, so that
it is known to a tenth of a second.
"""

import json
import platform
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from tuner.config.settings import count_cores

TRIALS = 24
WORDS = ["space=weight_decay", f"trials={TRIALS}", "epochs=1", "scheduler=none", "concurrency=1"]
SMALL_SETTINGS = ["data.limit=200", "data.validation=50"]


def main() -> None:
    """Measure, print and keep the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "tuner.search",
            *WORDS,
            *SMALL_SETTINGS,
            f"results={folder}",
        ]
        subprocess.run([*command, "name=study"], check=True, stdout=subprocess.DEVNULL)
        ends = sorted(
            (report["timestamp"], report["seconds"], report["pid"])
            for file in (Path(folder) / "study/trials").glob("*/*/result.json")
            for report in map(json.loads, file.read_text().splitlines())
        )
    moments, busy, processes = zip(*ends, strict=True)
    start = (moments[-1] - moments[0] - sum(busy[1:])) / (len(ends) - 1)
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept = {
        "command": "python -m benchmarks.trial_start",
        "date": str(date.today()),
        "hardware": hardware,
        "trials": TRIALS,
        "processes": len(set(processes)),
        "seconds_each": round(start, 2),
    }
    print(f"{len(ends) - 1} trials in {kept['processes']} process: {start:.2f} s each to start")
    path = Path(__file__).parent / f"trial_start_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
