"""Select epochs of trials: the best by validation, the last, the oracle's."""

import math
from collections.abc import Sequence

import pandas as pd

from analysis.frames import TRIAL_KEYS, Frames
from trainables.training.constraint import parse_constraint

BEST_COLUMN = "val_robust_accuracy"
"""Robust accuracy at the selected epoch, as in `trials`."""
FALLBACK_COLUMNS = {
    **{"level": "Int64", "best_epoch": "Int64", "val_clean_accuracy": "float64"},
    **{
        BEST_COLUMN: "float64",
        "last_val_robust_accuracy": "float64",
        "robust_overfitting": "float64",
    },
}
"""Columns of `trials` that are used where the epochs of a study are missing."""
KEPT_COLUMNS = {
    "level": "level",
    "epoch": "best_epoch",
    "clean": "val_clean_accuracy",
    "robust": BEST_COLUMN,
}
LAST_COLUMNS = {
    **{"epoch": "last_epoch", "clean": "last_val_clean_accuracy"},
    "robust": "last_val_robust_accuracy",
}
SCORE_COLUMNS = ["missed", "robust", "clean"]
"""Columns that rank epochs, as `trainables.training.report.Report.score` does."""
ORACLE_COLUMNS = {"epoch": "oracle_epoch", "robust": "oracle_robust_accuracy"}


def select_epochs(frames: Frames) -> pd.DataFrame:
    """Return one row per trial: its results by each selection rule.

    The selected epoch has the highest robust accuracy; for ties, clean accuracy decides. Under a
    constraint it is the one that misses the constraint by least. For a trial of several complete
    runs, one epoch of all of them is selected, but the last epoch, the oracle and the overfitting
    gap are those of the last run: a short run and a long one are not parts of one curve.

    Returns:
        `study`, `trial_id`, `status` ("running" where it has not ended), the knobs, `seed`;
        `level`, `best_epoch`, `val_clean_accuracy` and `val_robust_accuracy` of the kept epoch;
        `last_epoch`, `last_val_clean_accuracy` and `last_val_robust_accuracy`; `oracle_epoch` and
        `oracle_robust_accuracy`, the highest accuracy on the reported split. `oracle_split` names
        that split: "test" for logs of test accuracies and where `tuner.evaluate` attacked several
        checkpoints of a trial (then the oracle has no epoch), else "validation";
        `robust_overfitting`, best minus last (arXiv:2002.11569). Accuracies are fractions in
        [0, 1], missing for a trial without an epoch.
    """
    about = ["status", *frames.knobs, "seed"]
    trials = frames.trials.set_index(TRIAL_KEYS)
    found = select_from_epochs(frames)
    index = trials.index.union(found.index, sort=False)
    own = trials.reindex(index=index, columns=list(FALLBACK_COLUMNS))
    found = found.reindex(index)
    filled = found[list(FALLBACK_COLUMNS)].fillna(own).astype(FALLBACK_COLUMNS)
    found = found.assign(**{column: filled[column] for column in FALLBACK_COLUMNS})
    found = found.astype({"last_epoch": "Int64", "oracle_epoch": "Int64"})
    rows = trials.reindex(index=index, columns=about).join(found)
    rows["status"] = rows["status"].fillna("running")
    rows["study"], rows["trial_id"] = (index.get_level_values(name) for name in TRIAL_KEYS)
    return rows.reset_index(drop=True)[[*TRIAL_KEYS, *about, *found.columns]]


def select_from_epochs(frames: Frames) -> pd.DataFrame:
    """Return the results of each trial by each rule from its epochs, indexed by trial."""
    epochs = score_epochs(frames)
    runs = epochs.groupby("trial")["level"]
    last_run = epochs[epochs["level"] == runs.transform("max")]
    best, oracle = select_first(epochs, SCORE_COLUMNS), select_first(last_run, SCORE_COLUMNS[1:])
    last = last_run.drop_duplicates("trial", keep="last").set_index(TRIAL_KEYS)
    parts = ((best, KEPT_COLUMNS), (last, LAST_COLUMNS), (oracle, ORACLE_COLUMNS))
    found = pd.concat([rows[list(names)].rename(columns=names) for rows, names in parts], axis=1)
    found["robust_overfitting"] = select_first(last_run, SCORE_COLUMNS)["robust"] - last["robust"]
    logs = [name for name, study in frames.studies.items() if study.split == "test"]
    on_logs = found.index.get_level_values("study").isin(logs)
    found["oracle_split"] = pd.Series("validation", found.index).mask(on_logs, "test")
    tested = compute_test_oracle(frames.evaluation).reindex(found.index)
    found["oracle_robust_accuracy"] = tested.fillna(found["oracle_robust_accuracy"])
    found["oracle_epoch"] = found["oracle_epoch"].mask(tested.notna())
    found["oracle_split"] = found["oracle_split"].mask(tested.notna(), "test")
    return found


def score_epochs(frames: Frames, extra_columns: Sequence[str] = ()) -> pd.DataFrame:
    """Return the epochs in order, with the columns by which they are selected.

    Args:
        frames: Frames of studies.
        extra_columns: Other columns of epochs to keep.

    Returns:
        `study`, `trial_id`, `trial` (a number), `level` (0 where a study knows none), `epoch`,
        `clean`, `robust` and `missed`: by how much the epoch misses the constraint of its study.
    """
    epochs = frames.epochs
    columns = ["epoch", "val_clean_accuracy", BEST_COLUMN]
    rows = epochs.reindex(columns=[*TRIAL_KEYS, "level", *columns, *extra_columns])
    rows = rows.rename(columns={"val_clean_accuracy": "clean", BEST_COLUMN: "robust"})
    rows = rows.astype({"clean": "float64", "robust": "float64"})
    rows["level"] = rows["level"].astype("Int64").fillna(0)
    rows["missed"] = 0.0
    for name, study in frames.studies.items():
        if bound := study.description.get("study", {}).get("constraint"):
            limit, of = parse_constraint(bound), rows["study"] == name
            rows.loc[of, "missed"] = (limit.minimum - rows.loc[of, limit.accuracy]).clip(lower=0)
    # sorting and grouping by numbers is ten times as fast as by text
    trial = rows.groupby(TRIAL_KEYS, observed=True, sort=False).ngroup()
    return rows.assign(trial=trial).sort_values(["trial", "level", "epoch"], ignore_index=True)


def select_first(rows: pd.DataFrame, score: Sequence[str]) -> pd.DataFrame:
    """Return the epoch of each trial that a score ranks first, the earliest of equals."""
    for column in score:
        value = rows[column].fillna(-math.inf)
        value = -value if column == "missed" else value
        rows = rows[value == value.groupby(rows["trial"]).transform("max")]
    return rows.drop_duplicates("trial").set_index(TRIAL_KEYS)


def compute_test_oracle(evaluation: pd.DataFrame) -> "pd.Series[float]":
    """Return the highest test accuracy of a trial's checkpoints, where several were tried.

    Only attacks with the same settings on as many images count, made on all of the checkpoints; of
    each checkpoint the worst case over them.
    """
    if not {"rule", "robust_accuracy", "settings", "n"} <= set(evaluation.columns):
        return pd.Series(dtype="float64")
    attack = [*TRIAL_KEYS, "attack", "settings", "n"]
    tried = evaluation.groupby(TRIAL_KEYS, observed=True)["rule"].transform("nunique")
    made = evaluation.groupby(attack, observed=True)["rule"].transform("nunique")
    rows = evaluation[(tried > 1) & (made == tried)]
    worst = rows.groupby([*TRIAL_KEYS, "rule"], observed=True)["robust_accuracy"].min()
    return worst.groupby(level=TRIAL_KEYS, observed=True).max()
