"""Keep accuracies of short and long runs: `python -m benchmarks.short_and_long_table RUNS.jsonl`.

RUNS.jsonl is written by `benchmarks.short_and_long_runs`. What is kept, without the masks of single
images, is what `benchmarks.correction` reads.
"""

import json
import math
import platform
import sys
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from tuner.config.settings import count_cores

MIN_SETTINGS = 10
"""Settings of a search; those with fewer are left out."""


def main(file: str) -> None:
    """Write the accuracies of all settings, and how well the unseen images rank them."""
    rows = [json.loads(line) for line in Path(file).read_text().splitlines()]
    searches: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        searches.setdefault(f"{row['kind']}-{row['search']}", []).append(row)
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept = {
        "command": "python -m benchmarks.short_and_long_runs train cifar16.npz RUNS.jsonl",
        "date": str(date.today()),
        "hardware": hardware,
        "searches": {
            name: {
                "reliability_of_unseen": measure_reliability(each),
                "error_of_differences_paired_by_unpaired": measure_pairing(each),
                "trials": [describe_trial(row) for row in each],
            }
            for name, each in searches.items()
            if len(each) >= MIN_SETTINGS
        },
    }
    path = Path(__file__).parent / f"short_and_long_runs_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def describe_trial(row: dict[str, Any]) -> dict[str, Any]:
    """Return knobs, accuracies and seconds of a setting."""
    short, long = row["runs"]["short"], row["runs"]["long"]
    return {
        "knobs": row["knobs"],
        "short": round(short["validation"], 4),
        "long": round(long["validation"], 4),
        "unseen": round(long["unseen"], 5),
        "seconds": [short.get("seconds"), long.get("seconds")],
    }


def read_masks(rows: list[dict[str, Any]], run: str, part: str) -> NDArray[np.uint8]:
    """Return which images are robust after each run that did not diverge, (runs, images)."""
    texts = [row["runs"][run].get(f"{part}_mask") for row in rows]
    return np.array([
        np.unpackbits(np.frombuffer(bytes.fromhex(text), dtype=np.uint8)) for text in texts if text
    ])


def measure_reliability(rows: list[dict[str, Any]]) -> float:
    """Return the rank correlation of two halves of the unseen images, for all of them.

    Its square root bounds the rank correlation with the unseen images that a perfect prediction of
    the true accuracies would have. Mean over 100 splits; by Spearman and Brown for the whole.
    """
    masks, rng, found = read_masks(rows, "long", "unseen"), np.random.default_rng(0), []
    for _ in range(100):
        order = rng.permutation(masks.shape[1])
        halves = (masks[:, part].mean(axis=1) for part in np.array_split(order, 2))
        found.append(float(spearmanr(*halves).statistic))
    half = float(np.mean(found))
    return round(2 * half / (1 + half), 3)


def measure_pairing(rows: list[dict[str, Any]]) -> float:
    """Return the standard error of a difference on equal images, by that on others; the median."""
    masks = read_masks(rows, "short", "validation").astype(float)
    ratios = [
        (one - other).std() / math.hypot(one.std(), other.std())
        for one, other in combinations(masks, 2)
        if one.any() and other.any()
    ]
    return round(float(np.median(ratios)), 3)


if __name__ == "__main__":
    main(*sys.argv[1:])
