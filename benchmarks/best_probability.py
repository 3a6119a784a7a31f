"""Calibration of the probability that a configuration is the best, in simulated studies.

A study has 2 to 8 configurations, whose true accuracies differ by 0.2 to 10 points; in three of ten
studies two are exactly equal. Each is measured on the same 400 to 5,000 images with one seed, or
several, which only the first three by the first seed have in most studies. Of configurations that
are equal and best, each counts as a fraction.
"""

import argparse
import json
import math
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tuner.state.best_probability import best_probabilities

IMAGES, SPREADS, NOISES = (400, 1000, 5000), (0.002, 0.005, 0.01, 0.03, 0.1), (0.002, 0.005, 0.01)
SEEDS, MAX_CONFIGURATIONS, N_RACERS = (1, 2, 4), 8, 3
TIE_SHARE, RACE_SHARE = 0.3, 0.7
N_BINS = 10
Pairs = list[tuple[float, float]]
"""Stated probability, and 1 if the configuration is the best, else 0."""


def simulate_studies(n_studies: int, seed: int) -> Pairs:
    """Return the pair of each configuration of simulated studies."""
    rng = np.random.default_rng(seed)
    return [pair for _ in range(n_studies) for pair in simulate_study(rng)]


def simulate_study(rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Yield the pair of each configuration of a simulated study."""
    number, images = int(rng.integers(2, MAX_CONFIGURATIONS + 1)), int(rng.choice(IMAGES))
    true = np.clip(rng.normal(0.45, rng.choice(SPREADS), number), 0.05, 0.95)
    if rng.random() < TIE_SHARE:
        true[1] = true[0]
    # the same images for all seeds of a configuration
    on_split, noise = rng.binomial(images, true) / images, rng.choice(NOISES)
    seeds = int(rng.choice(SEEDS))
    measured = np.clip(rng.normal(on_split[:, None], noise, (number, seeds)), 0, 1)
    n_racers = N_RACERS if rng.random() < RACE_SHARE else number
    racers = set(np.argsort(-measured[:, 0])[:n_racers].tolist())
    groups = [
        row.tolist() if index in racers else row[:1].tolist() for index, row in enumerate(measured)
    ]
    is_best = true == true.max()
    yield from zip(best_probabilities(groups, images), is_best / is_best.sum(), strict=True)


def calibration_table(pairs: Pairs) -> list[dict[str, float]]:
    """Return the mean stated probability and the share of the best, by stated probability.

    `standard_error` is the binomial one of that share, if the stated probabilities are right.
    """
    stated, best = np.array(pairs).T
    number = np.minimum((stated * N_BINS).astype(int), N_BINS - 1)
    rows = []
    for each in np.unique(number).tolist():
        chosen = number == each
        mean, n = float(stated[chosen].mean()), int(chosen.sum())
        rows.append({
            "from": each / N_BINS,
            "n": n,
            "stated": round(mean, 3),
            "true": round(float(best[chosen].mean()), 3),
            "standard_error": round(math.sqrt(mean * (1 - mean) / n), 3),
        })
    return rows


def main() -> None:
    """Simulate, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=9000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows = calibration_table(simulate_studies(options.studies, options.seed))
    for row in rows:
        print(json.dumps(row))
    if options.output:
        about = {
            "command": shlex.join(["python", "-m", "benchmarks.best_probability", *sys.argv[1:]]),
            "date": datetime.now(UTC).date().isoformat(),
            "seed": options.seed,
            "studies": options.studies,
        }
        options.output.write_text(json.dumps(about | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
