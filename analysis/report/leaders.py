"""Which trials lead, and which are on the front of both accuracies."""

import numpy as np
import pandas as pd

from analysis.frames import Frames

ROBUST, CLEAN = "val_robust_accuracy", "val_clean_accuracy"


def find_leaders(frames: Frames) -> dict[str, int]:
    """Return the best trial of each study that has one, as the number of its row in `trials`.

    The best is the one that `tuner.search` takes: of what has been run with the most seeds that
    with the highest mean; there, or among all if each has one seed, of those that satisfy the
    constraint, if any does, the most robust one on the validation split; of equals the cleanest.
    """
    trials = frames.trials.reset_index(drop=True)
    trials = trials[trials[ROBUST].notna()]
    keys = [key for key in ("n", "mean", "feasible", ROBUST, CLEAN) if key in trials]
    best = trials.sort_values(keys, ascending=False, kind="stable", na_position="last")
    first = best.reset_index(names="row").drop_duplicates("study")
    return dict(zip(first["study"].astype(str), first["row"].tolist(), strict=True))


def find_pareto_labels(trials: pd.DataFrame) -> list[int]:
    """Return labels of rows that no other beats in both accuracies, the most robust first.

    >>> accuracies = {ROBUST: [0.5, 0.6, 0.5, 0.4], CLEAN: [0.9, 0.8, 0.8, 0.95]}
    >>> find_pareto_labels(pd.DataFrame(accuracies))
    [1, 0, 3]
    """
    points = trials[[ROBUST, CLEAN]].dropna()
    points = points.sort_values([ROBUST, CLEAN], ascending=False, kind="stable")
    before = points[CLEAN].cummax().shift(fill_value=-np.inf)
    return points.index[points[CLEAN] > before].tolist()
