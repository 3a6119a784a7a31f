"""Trials of the page: their rows, leaders and Pareto fronts."""

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.frames import TRIAL_KEYS, Frames, get_knob_values
from analysis.selection import select_epochs

ROBUST, CLEAN = "val_robust_accuracy", "val_clean_accuracy"
QUESTION = "question"
"""Column with the threat and the data of a trial; accuracies are compared within one alone."""


def add_selected_epochs(frames: Frames) -> Frames:
    """Return frames with a row for every trial, whether it has ended or not.

    Results are those of `analysis.selection.select_epochs`; other columns of `trials` are joined
    for trials that have ended. `question` is added.
    """
    rows = select_epochs(frames)
    rows["study"] = rows["study"].astype(frames.trials["study"].dtype)
    more = [key for key in frames.trials if key not in rows]
    rows = rows.merge(frames.trials[[*TRIAL_KEYS, *more]], on=TRIAL_KEYS, how="left")
    rows[QUESTION] = describe_questions(replace(frames, trials=rows))
    return replace(frames, trials=rows)


def describe_questions(frames: Frames) -> list[str]:
    """Return the threat norm, eps and data set of each trial, as far as they are known."""
    parts = [get_knob_values(frames, path) for path in ("threat", "threat.eps", "data")]
    return [
        ", ".join(
            prefix + (f"{value:.4g}" if isinstance(value, float) else str(value))
            for prefix, value in zip(("", "eps ", ""), values, strict=True)
            if not pd.isna(value)
        )
        for values in zip(*parts, strict=True)
    ]


def find_leaders(frames: Frames) -> dict[tuple[str, str], int]:
    """Return the best trial of each study and question, as the number of its row in `trials`.

    The best is the one that `tuner.search` takes: of what has been run with the most seeds that
    with the highest mean; there, or among all if each has one seed, of those that satisfy the
    constraint, if any does, the most robust one on the validation split; of equals the cleanest.

    Args:
        frames: As `add_selected_epochs` returns them.
    """
    trials = frames.trials.reset_index(drop=True)
    trials = trials[trials[ROBUST].notna()]
    keys = [key for key in ("n", "mean", "feasible", ROBUST, CLEAN) if key in trials]
    best = trials.sort_values(keys, ascending=False, kind="stable", na_position="last")
    first = best.reset_index(names="row").drop_duplicates(["study", QUESTION])
    names = zip(first["study"].astype(str), first[QUESTION], strict=True)
    return dict(zip(names, first["row"].tolist(), strict=True))


def list_fronts(frames: Frames) -> list[list[int]]:
    """Return the Pareto front of each study and question, as numbers of rows in `trials`."""
    groups = frames.trials.reset_index(drop=True).groupby(["study", QUESTION], observed=True)
    return [find_pareto_labels(trials) for _, trials in groups]


def find_pareto_labels(trials: pd.DataFrame) -> list[int]:
    """Return the labels of the rows on the Pareto front, most robust first.

    >>> accuracies = {ROBUST: [0.5, 0.6, 0.5, 0.4], CLEAN: [0.9, 0.8, 0.8, 0.95]}
    >>> find_pareto_labels(pd.DataFrame(accuracies))
    [1, 0, 3]
    """
    points = trials[[ROBUST, CLEAN]].dropna()
    points = points.sort_values([ROBUST, CLEAN], ascending=False, kind="stable")
    before = points[CLEAN].cummax().shift(fill_value=-np.inf)
    return points.index[points[CLEAN] > before].tolist()
