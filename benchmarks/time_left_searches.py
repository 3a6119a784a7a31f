"""Error of the time left that real searches print, on the images that come with the package.

Each search prints a line when a trial ends or pauses. Of the lines at a quarter, half and three
quarters of its time, the printed time left is compared with the time that was left.
"""

import argparse
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.time_left import SHARES
from tuner.config.settings import count_cores

COMMON = [
    *("space=weight_decay", "model=small_cnn", "data.validation=300"),
    *("attack.steps=5", "exam.steps=5", "tracker=none", "seed=0"),
]
SEARCHES = {
    "halving": [
        *("data.limit=1500", "scheduler=halving", "trials=12", "epochs=12", "concurrency=1"),
    ],
    "asha, fidelity=epochs": [
        *("data.limit=500", "scheduler=asha", "fidelity=epochs", "trials=12", "epochs=8"),
        "concurrency=1",
    ],
    "random, concurrency=2": [
        *("data.limit=500", "scheduler=none", "searcher=random", "trials=10", "epochs=6"),
        "concurrency=2",
    ],
}
DURATION = r"(?:\d+ days?, )?\d+:\d\d:\d\d"
LINE = re.compile(rf"^\[({DURATION})\] .* about ({DURATION}) left", re.MULTILINE)
END = re.compile(rf"^Done after ({DURATION})", re.MULTILINE)


def measure_errors(words: list[str]) -> dict[str, object]:
    """Run a search; return its seconds, the load of the machine and the errors by share."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tuner.search", *COMMON, *words, f"results={folder}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [(parse_seconds(at), parse_seconds(left)) for at, left in LINE.findall(done.stdout)]
    (total,) = map(parse_seconds, END.findall(done.stdout))
    found = {}
    for share in SHARES:
        # several trials may end in one second; the last line is the newest
        number = max(i for i, (at, _) in enumerate(lines) if at <= max(share * total, lines[0][0]))
        at, left = lines[number]
        error = round(left / (total - at) - 1, 3)
        found[str(share)] = {"seconds": at, "printed": left, "left": total - at, "error": error}
    return {"command": shlex.join(["python", *command[1:-1]]), "seconds": total, "errors": found}


def parse_seconds(text: str) -> float:
    """Return the seconds of a duration.

    >>> parse_seconds("1 day, 0:01:15")
    86475.0
    """
    days, _, rest = text.rpartition(", ")
    hours, minutes, seconds = map(int, rest.split(":"))
    return timedelta(
        days=int(days.split()[0]) if days else 0, hours=hours, minutes=minutes, seconds=seconds
    ).total_seconds()


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--search", choices=[*SEARCHES], nargs="*", default=[*SEARCHES])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows = []
    for name in options.search:
        row = {"search": name, "load_before": round(os.getloadavg()[0], 1)}
        row |= measure_errors(SEARCHES[name])
        rows.append(row | {"load_after": round(os.getloadavg()[0], 1)})
        print(json.dumps(rows[-1]), flush=True)
    if options.output:
        about = {
            "command": shlex.join(["python", "-m", "benchmarks.time_left_searches", *sys.argv[1:]]),
            "date": datetime.now(UTC).date().isoformat(),
            "machine": {"platform": platform.platform(), "cores": count_cores()},
        }
        options.output.write_text(json.dumps(about | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
