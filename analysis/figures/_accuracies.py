"""Accuracies of trials in percent: on the validation split, or under `tuner.evaluate`."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.commands.figures import AccuracySource
from analysis.figures._configuration import number_settings
from analysis.frames import TRIAL_KEYS, Frames, get_knob_values
from trainables.errors import InputError

SELECTED_RULE, LAST_RULE = "best_validation_robust", "last_epoch"
"""Values of `rule` in `evaluation` of the checkpoints used here."""
VALIDATION_COLUMNS = {
    "robust": "val_robust_accuracy",
    "clean": "val_clean_accuracy",
    "last": "last_val_robust_accuracy",
}
COMPARED_GROUPS = {"threat": "threats", "data": "data sets"}
"""What makes accuracies incomparable where it differs."""
EVALUATION_COLUMNS = ("rule", "n", "robust_accuracy", "clean_accuracy")


def collect_accuracies(frames: Frames, accuracies: AccuracySource) -> pd.DataFrame:
    """Return the trials that have a robust accuracy.

    Args:
        frames: Of one or several studies.
        accuracies: Of which split.

    Returns:
        The rows of `trials` with, in percent, `robust` and `clean` at the selected epoch and
        `last`, robust accuracy at the last one (missing if not measured); `setting`, the same
        number for trials that differ in their seed alone; `ended`, how: "completed", "stopped" by a
        scheduler, or "diverged_or_collapsed" (diverged or collapsed).

    Raises:
        InputError: If there is none.
    """
    if accuracies not in ("validation", "evaluation"):
        raise InputError([f"accuracies must be validation or evaluation, got {accuracies!r}."])
    trials = frames.trials
    if accuracies == "validation":
        numbers = pd.DataFrame({
            name: numeric_column(trials, source, trials.index)
            for name, source in VALIDATION_COLUMNS.items()
        })
    else:
        numbers = collect_evaluation(frames)
    table = trials.assign(
        **100 * numbers, setting=number_settings(frames), ended=classify_endings(trials)
    )
    table = pd.DataFrame(table[np.isfinite(table["robust"]) & (trials["status"] != "failed")])
    if table.empty:
        raise InputError([f"expected robust accuracies of trials, got none of {len(trials)}."])
    return table


def numeric_column(frame: pd.DataFrame, name: str, index: pd.Index) -> "pd.Series[float]":
    """Return a column as numbers, missing where it holds none."""
    if name not in frame:
        return pd.Series(np.nan, index=index)
    return pd.to_numeric(frame[name], errors="coerce").astype("float64")


def classify_endings(trials: pd.DataFrame) -> "pd.Series[str]":
    """Return how trials ended."""
    collapsed = numeric_column(trials, "collapsed_at", trials.index) > 0
    status = trials["status"].astype(str)
    return status.mask(collapsed | (status == "diverged"), "diverged_or_collapsed")


def collect_evaluation(frames: Frames) -> pd.DataFrame:
    """Return one row per trial with its evaluation: the worst case on the most images.

    Only attacks within the eps that a trial was trained for count.

    Raises:
        InputError: If there is no evaluation of the checkpoints that validation selected.
    """
    rows = frames.evaluation
    if lacking := [name for name in EVALUATION_COLUMNS if name not in rows] or rows.empty:
        what = f"without {', '.join(lacking)}" if isinstance(lacking, list) else "none"
        raise InputError([
            f"expected an evaluation, got {what}; attuner evaluate FOLDER makes one."
        ])
    trained = frames.trials[TRIAL_KEYS].assign(trained=get_knob_numbers(frames, "threat.eps"))
    rows = rows.astype({"study": str}).merge(trained.astype({"study": str}), on=TRIAL_KEYS)
    if "eps" in rows:
        rows = rows[rows["trained"].isna() | np.isclose(rows["eps"], rows["trained"])]
    most = rows.groupby([*TRIAL_KEYS, "rule"])["n"].transform("max")
    worst = (
        rows[rows["n"] == most]
        .groupby([*TRIAL_KEYS, "rule"])[["robust_accuracy", "clean_accuracy"]]
        .min()
        .unstack("rule")
    )
    if ("robust_accuracy", SELECTED_RULE) not in worst:
        raise InputError([f"expected an evaluation with rules={SELECTED_RULE}, got others."])
    found = pd.DataFrame({
        "robust": worst["robust_accuracy", SELECTED_RULE],
        "clean": worst["clean_accuracy", SELECTED_RULE],
        "last": worst.get(("robust_accuracy", LAST_RULE), np.nan),
    })
    keys = pd.MultiIndex.from_frame(frames.trials[TRIAL_KEYS].astype({"study": str}))
    return found.reindex(keys).set_index(frames.trials.index)


def get_knob_numbers(frames: Frames, path: str) -> "pd.Series[float]":
    """Return the value of a knob for each trial, searched or fixed, missing where it is none."""
    return pd.to_numeric(get_knob_values(frames, path), errors="coerce").astype("float64")


def select_completed(table: pd.DataFrame, min_count: int = 1) -> pd.DataFrame:
    """Return the rows of trials that went to their end.

    Raises:
        InputError: If there are fewer than needed.
    """
    whole = table[table["ended"] == "completed"]
    if len(whole) < min_count:
        raise InputError([
            f"expected at least {min_count} completed trials with a robust accuracy, got "
            f"{len(whole)} of {len(table)}."
        ])
    return whole


def describe_counts(
    frames: Frames, table: pd.DataFrame, *, groups: Mapping[str, str] = COMPARED_GROUPS
) -> str:
    """Return a text with the number of trials in a figure, and whether they are comparable.

    Args:
        frames: Of the studies.
        table: The trials.
        groups: Groups that make accuracies incomparable where they differ, and their plural.

    >>> from analysis.frames import Study
    >>> trials = pd.DataFrame({"study": "a", "setting": [0, 0, 1]})
    >>> frames = Frames(
    ...     studies={"a": Study(name="a")}, trials=trials, epochs=trials, evaluation=trials
    ... )
    >>> describe_counts(frames, trials[:2])
    'n = 2 of 3 trials (1 setting)'
    """
    shown, there, different = len(table), len(frames.trials), table["setting"].nunique()
    text = f"n = {shown}" + f" of {there}" * (shown < there) + f" trial{'s' * (there != 1)}"
    if different < shown:
        text += f" ({different} setting{'s' * (different != 1)})"
    text += f", {len(frames.studies)} studies" * (len(frames.studies) > 1)
    for group, several in groups.items():
        asked = frames.trials[[]].assign(**{
            part: get_knob_values(frames, part).map(str) for part in (group, f"{group}.eps")
        })
        different = len(asked.loc[table.index].drop_duplicates())
        text += f", {different} {several}" * (different > 1)
    return text


def accuracy_label(
    frames: Frames, accuracies: AccuracySource, what: str = "Robust accuracy"
) -> str:
    """Return the label of an axis with accuracies; logs of others are of the test split."""
    logs = [study.folder is None for study in frames.studies.values()]
    split = "validation"
    if accuracies == "evaluation" or all(logs):
        split = "test"
    elif any(logs):
        split = "validation; logs: test"
    return f"{what} ({split}, %)"
