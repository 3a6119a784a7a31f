"""Read other people's training logs, or tables of them, as the frames of a study.

These logs evaluate on the **test** split after every epoch, as the papers did. Its accuracies are
in the columns of the validation split, `val_clean_accuracy` and `val_robust_accuracy`, so that all
commands can read them. `ExternalLogs.notes` warns that a best epoch selected by them is an
oracle's. If a log has a validation split too, its accuracies are in `held_out_clean_accuracy` and
`held_out_robust_accuracy`. A log with a validation split only has its accuracies in `val_*`.

If averaged weights are evaluated, a table may have the trained network's accuracies too, in
`test_raw_acc` and `test_robust_raw_acc`, and `average_horizons` as in `Report`: a replay ranks by
them as a search does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from trainables.errors import InputError
from tuner.layout import BALANCED_COLUMNS, TRIAL_COLUMNS
from tuner.storage.external_logs.column_names import to_numbers
from tuner.storage.external_logs.knob_names import METRIC_COLUMNS, map_knobs
from tuner.storage.external_logs.sources import find_logs, read_source

DEFAULT_STEPS = {"fgsm": 1, "none": 0}
"""Gradient steps of attacks to which the log's number of steps does not apply."""
HELD_OUT_COLUMN = "held_out_robust_accuracy"
VALIDATION_AS_TEST = {
    "val_loss": "test_loss",
    "val_acc": "test_acc",
    "val_robust_loss": "test_robust_loss",
    "val_robust_acc": "test_robust_acc",
    "val_raw_acc": "test_raw_acc",
    "val_robust_raw_acc": "test_robust_raw_acc",
}
"""Columns of a log without a test split to those whose values become `val_*`."""
EXTRA_COLUMNS = {
    "train_acc": "train_clean_accuracy",
    "train_robust_acc": "train_robust_accuracy",
    "val_acc": "held_out_clean_accuracy",
    "val_robust_acc": "held_out_robust_accuracy",
    "test_fgsm_acc": "test_fgsm_accuracy",
    "test_raw_acc": "val_clean_accuracy_raw",
    "test_robust_raw_acc": "val_robust_accuracy_raw",
    "average_horizons": "average_horizons",
}
"""Column in logs to the name of an extra column of `epochs`."""


@dataclass(frozen=True)
class ExternalLogs:
    """Runs of other people, read from their logs.

    Attributes:
        trials: One row per run, with the columns of `trials.parquet`.
        epochs: One row per epoch, with the columns of `epochs.parquet` and `EXTRA_COLUMNS`.
        notes: What was understood, and caveats for a comparison with a study of this project, one
            line each.
        split: Split of the accuracies, "test" or "validation".
    """

    trials: pd.DataFrame
    epochs: pd.DataFrame
    notes: tuple[str, ...]
    split: str


def read_logs(path: Path, columns: Mapping[str, str] | None = None) -> ExternalLogs:
    """Return the runs in a table of logs, a log, an event file, or a folder of them.

    Tables are CSV files of this project's columns, of W&B, Lightning or FastAT_Benchmark, or of any
    other software whose names say what a column is. Runs in a folder are named after their files.

    Args:
        path: The file or folder.
        columns: Name of a column in this project to its name in the tables, where the names of a
            table do not say it, e.g. `{"val_robust_acc": "metric 7"}`; `None`: they all do.

    Raises:
        InputError: If no run can be read, with the reason.
    """
    try:
        source = read_source(path, columns or {})
        return build_frames(source.table, source.notes)
    except (OSError, ValueError, LookupError, EOFError) as error:
        reason = f"{error}".partition("\n")[0] or type(error).__name__
        raise InputError([
            f"{path}: expected a table of logs with columns run, epoch, test_acc and "
            f"test_robust_acc, or a log of such epochs, and cannot read it as one ({reason})."
        ]) from None


def holds_logs(folder: Path) -> bool:
    """Return whether a folder contains a log or a table of any kind."""
    return bool(find_logs(folder))


def build_frames(table: pd.DataFrame, source_notes: Sequence[str] = ()) -> ExternalLogs:
    """Return the frames of a table of logs.

    Args:
        table: One row per run and epoch.
        source_notes: What was understood, left out and assumed when it was read.

    Raises:
        ValueError: If a required column is missing.
    """
    if missing := [name for name in ("run", "epoch") if name not in table]:
        raise ValueError(f"there is no column {', '.join(missing)}")
    table = table.assign(run=table["run"].astype(str))  # numbers are names here
    has_test_split = bool({"test_acc", "test_robust_acc"} & set(table.columns))
    if not has_test_split:
        if not {"val_acc", "val_robust_acc"} & set(table.columns):
            raise ValueError(
                "there is neither test_acc nor test_robust_acc, nor val_robust_acc; write "
                "columns=val_robust_acc:COLUMN"
            )
        table = table.rename(columns=VALIDATION_AS_TEST)
    table = to_fractions(table.reset_index(drop=True))
    knob_values = map_knobs(table)
    epochs = build_epochs(table, knob_values)
    trials = build_trials(epochs, knob_values, table)
    notes = build_notes(epochs, has_test_split=has_test_split)
    split = "test" if has_test_split else "validation"
    return ExternalLogs(trials, epochs, (*(f"{note}." for note in source_notes), *notes), split)


def to_fractions(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with accuracies as fractions; some columns have them in percent.

    Raises:
        ValueError: If a value is no number.
    """
    accuracies = [name for name in map(str, table) if name.endswith("_acc")]
    numbers = {name: to_numbers(table[name]) for name in accuracies}
    return table.assign(**{
        name: values / 100 if (values > 1).any() else values for name, values in numbers.items()
    })


def build_epochs(table: pd.DataFrame, knob_values: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table as an epochs frame."""
    table = table.reindex(columns=[*dict.fromkeys([*table, *METRIC_COLUMNS])])
    first = table.groupby("run")["epoch"].transform("min")
    epoch = (table["epoch"] + (first == 0)).astype("int64")  # most scripts count from 0
    loss = table["train_robust_loss"].fillna(table["train_loss"])
    knob_values = knob_values.reindex(
        columns=[*dict.fromkeys([*knob_values, "attack", "attack.steps", "threat.eps"])]
    )
    steps = knob_values["attack.steps"].where(
        knob_values["attack"] == "pgd", knob_values["attack"].map(DEFAULT_STEPS)
    )
    diverged = np.isinf(loss.astype(float))  # a loss that is missing says nothing
    frame = pd.DataFrame({
        "trial_id": table["run"],
        "epoch": epoch,
        "train_loss": loss.mask(diverged),
        "val_clean_accuracy": table["test_acc"],
        "val_robust_accuracy": table["test_robust_acc"],
        "lr": table["lr"],
        "eps": knob_values["threat.eps"],
        "gradient_passes": epoch * (steps + 1.0) + count_awp_epochs(table, epoch),
        "seconds": table["train_seconds"].fillna(0) + table["test_seconds"].fillna(0),
        "exam_seconds": table["test_seconds"].fillna(0),
        "diverged": diverged,
        "level": 0,
        "collapsed_at": 0,
        "micro_batch": pd.array([pd.NA] * len(table), dtype="Int64"),
    })
    extra = table[[name for name in EXTRA_COLUMNS if table[name].notna().any()]].rename(
        columns=EXTRA_COLUMNS
    )
    return frame.join(extra)


def count_awp_epochs(table: pd.DataFrame, epoch: "pd.Series[int]") -> "pd.Series[float]":
    """Return the epochs so far with adversarial weight perturbation, which takes one more pass.

    The logs of arXiv:2004.05884 name its size `awp_gamma` and the epochs before it `awp_warmup`.
    """
    settings = table.reindex(columns=["awp_gamma", "awp_warmup"]).apply(
        pd.to_numeric, errors="coerce"
    )
    perturbed = settings["awp_gamma"].fillna(0.0) > 0
    since: pd.Series[float] = (epoch - settings["awp_warmup"].fillna(0.0)).clip(lower=0.0)
    return since.where(perturbed, 0.0)


def build_trials(
    epochs: pd.DataFrame, knob_values: pd.DataFrame, table: pd.DataFrame
) -> pd.DataFrame:
    """Return a trials frame: one row per run, with its knobs and results."""
    runs = epochs.groupby("trial_id", sort=False)
    last = runs.tail(1).set_index("trial_id")
    score = ["val_robust_accuracy", "val_clean_accuracy"]
    ranked = epochs.sort_values(score, ascending=False, kind="stable")
    best = ranked.drop_duplicates("trial_id").set_index("trial_id").reindex(last.index)
    run_knobs = knob_values.groupby(epochs["trial_id"], sort=False).first()
    planned = (
        table.reindex(columns=["epochs", "seed"]).groupby(epochs["trial_id"], sort=False).first()
    )
    frame = run_knobs.assign(
        best_epoch=best["epoch"],
        level=0,
        val_clean_accuracy=best["val_clean_accuracy"],
        val_robust_accuracy=best["val_robust_accuracy"],
        last_val_robust_accuracy=last["val_robust_accuracy"],
        robust_overfitting=best["val_robust_accuracy"] - last["val_robust_accuracy"],
        collapsed_at=np.nan,
        epochs=runs.size(),
        seconds=runs["seconds"].sum(),
        gradient_passes=last["gradient_passes"],
        micro_batch=np.nan,
        seed=planned["seed"].fillna(0),
        checkpoint="",
        error="",
    )
    is_complete = planned["epochs"].isna() | (last["epoch"] >= planned["epochs"])
    status = is_complete.map({True: "completed", False: "stopped"}).mask(
        last["diverged"], "diverged"
    )
    frame.insert(0, "status", status)
    frame[list(BALANCED_COLUMNS)] = np.nan
    return frame.rename_axis("trial_id").reset_index().astype(TRIAL_COLUMNS)


def build_notes(epochs: pd.DataFrame, *, has_test_split: bool) -> Iterator[str]:
    """Yield caveats for a comparison of logs with a study of this project."""
    if has_test_split:
        yield (
            f"the {epochs['trial_id'].nunique()} logged runs were evaluated on the test split, and "
            "val_* holds it: a best epoch selected by it is an oracle's."
        )
    if HELD_OUT_COLUMN in epochs:
        with_validation = epochs.loc[epochs[HELD_OUT_COLUMN].notna(), "trial_id"].unique()
        names = ", ".join(with_validation[:3])
        yield f"{len(with_validation)} of them have a validation split too ({names}): held_out_*."
    if not_evaluated := int(epochs["val_robust_accuracy"].isna().sum()):
        yield f"{not_evaluated} of their {len(epochs)} epochs were not evaluated."
