"""What trials reported epoch by epoch, as columns for the page."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.frames import TRIAL_KEYS, Frames

CURVE_TITLES = {
    "val_robust_accuracy": "robust accuracy, validation, %",
    "val_clean_accuracy": "clean accuracy, validation, %",
    "train_loss": "training loss, nats per example",
}
"""Columns of `epochs` that are drawn, and what they are."""
DIGITS = 4


def collect_curves(frames: Frames) -> dict[str, Any]:
    """Return the epochs of all trials, one trial after the other.

    Returns:
        `starts`, where each row of `trials` begins in what follows, and one end more; `selected`,
        where its selected epoch is, or -1; `epoch` and `level`; and each of the measures that there
        is. A trial without epochs begins where the next one does.
    """
    epochs = frames.epochs.reset_index(drop=True)
    measures = [name for name in CURVE_TITLES if name in epochs]
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
        "titles": {name: CURVE_TITLES[name] for name in measures},
    }


def find_trial_rows(epochs: pd.DataFrame, trials: pd.DataFrame) -> Any:  # noqa: ANN401
    """Return the row in `trials` of each row of `epochs`; -1 where the trial has none."""
    known = pd.MultiIndex.from_frame(trials[TRIAL_KEYS].astype(str))
    return known.get_indexer(pd.MultiIndex.from_frame(epochs[TRIAL_KEYS].astype(str)))


def find_selected_epochs(trials: pd.DataFrame, owner: Any, epochs: pd.DataFrame) -> Any:  # noqa: ANN401
    """Return where among `epochs`, of the trials `owner`, the selected one of each trial is."""
    there = pd.MultiIndex.from_arrays([owner, epochs["level"], epochs["epoch"]])
    wanted = trials["best_epoch"].fillna(-1).astype(int) if "best_epoch" in trials else -1
    asked = pd.DataFrame({"level": fill_levels(trials), "epoch": wanted})
    sought = pd.MultiIndex.from_arrays([range(len(asked)), asked["level"], asked["epoch"]])
    return there.get_indexer(sought)


def fill_levels(epochs: pd.DataFrame) -> pd.Series:
    """Return of each row which whole run of its trial it is from; 0 where that is not said."""
    if "level" not in epochs:
        return pd.Series(0, index=epochs.index)
    return epochs["level"].fillna(0).astype(int)


def round_values(values: pd.Series) -> list[float | None]:
    """Return numbers to four digits behind the point; `None` where they are not finite."""
    numbers = values.astype("float64").round(DIGITS)
    good = np.isfinite(numbers)
    return [value if fine else None for value, fine in zip(numbers, good, strict=True)]
