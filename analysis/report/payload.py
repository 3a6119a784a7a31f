"""The data for the table and the charts of the page, as compact JSON."""

from dataclasses import asdict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.frames import TRIAL_KEYS, Frames
from analysis.report.columns import build_columns
from analysis.report.correlations import correlate_knobs
from analysis.report.runs import compare_at_points, describe_marks, find_all_rungs
from analysis.report.search_path import build_search_paths
from analysis.report.trials import QUESTION, find_leaders, list_fronts
from tuner.storage.search_yaml import variants_of

CURVE_TITLES = {
    "val_robust_accuracy": "robust accuracy, {split}, %",
    "val_clean_accuracy": "clean accuracy, {split}, %",
    "train_loss": "training loss, nats per example",
}
"""Columns of `epochs` that are drawn, and what they are on a split."""
DIGITS = 4
IntArray = NDArray[np.intp]


def build_payload(frames: Frames) -> dict[str, object]:
    """Return the data of the page as JSON-serialisable values.

    Rows of `trials` are called by their number, from 0.

    Args:
        frames: As `add_selected_epochs` returns them.
    """
    return {
        "names": name_trials(frames),
        "columns": [asdict(column) for column in build_columns(frames)],
        "curves": collect_curves(frames),
        "best": list(find_leaders(frames).values()),
        "fronts": list_fronts(frames),
        "questions": pd.factorize(frames.trials[QUESTION], sort=True)[0].tolist(),
        "logarithmic": sorted(path for path in frames.knobs if is_logarithmic(frames, path)),
        "split": name_split(frames),
        "marks": describe_marks(frames),
        "rungs": find_all_rungs(frames),
        "points": compare_at_points(frames),
        "path": build_search_paths(frames),
        "correlations": correlate_knobs(frames),
    }


def name_split(frames: Frames) -> str:
    """Return the split of the accuracies of all studies; "validation or test": they differ."""
    splits = {study.split for study in frames.studies.values()}
    return " or ".join(sorted(splits, reverse=True))


def name_trials(frames: Frames) -> list[str]:
    """Return the name of each trial, with its study if there are several."""
    trials = frames.trials["trial_id"].astype(str)
    if len(frames.studies) == 1:
        return trials.tolist()
    return (frames.trials["study"].astype(str) + " " + trials).tolist()


def is_logarithmic(frames: Frames, path: str) -> bool:
    """Return whether a knob was searched on a logarithmic scale in any study."""
    return any(
        str(domain).startswith(("loguniform", "lograndint", "qlog"))
        for study in frames.studies.values()
        for each in variants_of(study.description).values()
        for domain in [(each.get("searched") or {}).get(path)]
    )


def collect_curves(frames: Frames) -> dict[str, object]:
    """Return the epochs of all trials, one trial after the other.

    Returns:
        `starts`, where each row of `trials` begins in what follows, and one end more; `selected`,
        where its selected epoch is, or -1; `epoch` and `level`; and each of the measures that there
        is. A trial without epochs begins where the next one does.
    """
    epochs = frames.epochs.reset_index(drop=True)
    measures, split = [name for name in CURVE_TITLES if name in epochs], name_split(frames)
    owner = find_trial_rows(epochs, frames.trials)
    epochs = epochs.assign(level=fill_levels(epochs)).loc[owner >= 0]
    owner = owner[owner >= 0]
    arranged = np.lexsort((epochs["epoch"], epochs["level"], owner))
    epochs = epochs.iloc[arranged]
    starts = np.searchsorted(owner[arranged], np.arange(len(frames.trials) + 1))
    return {
        "starts": starts.tolist(),
        "selected": find_selected_epochs(frames.trials, owner[arranged], epochs).tolist(),
        "epoch": epochs["epoch"].tolist(),
        "level": epochs["level"].tolist(),
        "measures": {name: round_values(epochs[name]) for name in measures},
        "titles": {name: CURVE_TITLES[name].format(split=split) for name in measures},
    }


def find_trial_rows(epochs: pd.DataFrame, trials: pd.DataFrame) -> IntArray:
    """Return the row in `trials` of each row of `epochs`; -1 where the trial has none."""
    index = pd.MultiIndex.from_frame(trials[TRIAL_KEYS].astype(str))
    return index.get_indexer(pd.MultiIndex.from_frame(epochs[TRIAL_KEYS].astype(str)))


def find_selected_epochs(trials: pd.DataFrame, owner: IntArray, epochs: pd.DataFrame) -> IntArray:
    """Return the index in `epochs` of the selected epoch of each trial in `owner`."""
    index = pd.MultiIndex.from_arrays([owner, epochs["level"], epochs["epoch"]])
    best_epoch = trials["best_epoch"].fillna(-1).astype(int) if "best_epoch" in trials else -1
    keys = pd.DataFrame({"level": fill_levels(trials), "epoch": best_epoch})
    selected = pd.MultiIndex.from_arrays([range(len(keys)), keys["level"], keys["epoch"]])
    return index.get_indexer(selected)


def fill_levels(epochs: pd.DataFrame) -> pd.Series:
    """Return the level of each row; 0 if it is unknown."""
    if "level" not in epochs:
        return pd.Series(0, index=epochs.index)
    return epochs["level"].fillna(0).astype(int)


def round_values(values: pd.Series) -> list[float | None]:
    """Return numbers rounded to four decimals; `None` if they are not finite."""
    numbers = values.astype("float64").round(DIGITS)
    good = np.isfinite(numbers)
    return [value if fine else None for value, fine in zip(numbers, good, strict=True)]
