"""Find epochs, runs and accuracies in tables of other software by the names of their columns."""

import re
from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pandas as pd

from tuner.storage.external_logs.knob_names import KNOB_PATHS, METRIC_COLUMNS

RUN_NAMES = ("run", "run_name", "run_id", "name", "experiment", "version")
STEP_NAMES = ("step", "global_step", "trainer_global_step", "iteration", "iter")
SPLITS = {
    "train": {"train", "training", "tr"},
    "val": {"val", "valid", "validation", "dev", "eval"},
    "test": {"test", "testing"},
}
ACCURACY = {"acc", "accuracy", "top1", "acc1", "prec1"}
ROBUST = {"robust", "rob", "adv", "adversarial", "pgd", "attacked", "attack"}
SUMMARIES = {"best", "max", "min", "final"}
"""Words of summaries over epochs, which are no measurement of one epoch."""


def name_columns(
    table: pd.DataFrame, given: Mapping[str, str]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return a table with the names of this project, and each column that was renamed.

    Args:
        table: One row per epoch or step.
        given: Name in this project to the column of the table, as the user typed it.

    Raises:
        ValueError: If the table has no such column.
    """
    if missing := [column for column in given.values() if column not in table]:
        raise ValueError(f"columns: no column {missing[0]}; there are {', '.join(table.columns)}")
    chosen = {column: name for name, column in given.items()}
    taken = {*chosen.values(), *(str(name) for name in table if name in METRIC_COLUMNS)}
    for column in map(str, table.columns):
        if column in chosen or column in KNOB_PATHS or column in taken:
            continue
        name = find_name(column)
        if name and name not in taken:
            chosen[column] = name
            taken.add(name)
    replaced = [name for name in chosen.values() if name in table and name not in chosen]
    return table.drop(columns=replaced).rename(columns=chosen), chosen


def find_name(column: str) -> str | None:
    """Return the name in this project of a column by its words; `None`: it is something else.

    >>> [find_name(name) for name in ("Epoch", "val/pgd_acc", "validAccuracy", "train_loss_step")]
    ['epoch', 'val_robust_acc', 'val_acc', 'train_loss']
    """
    words = split_words(column)
    joined = "_".join(words)
    if joined == "epoch":
        return "epoch"
    if joined in STEP_NAMES:
        return "step"
    if joined in RUN_NAMES:
        return "run"
    if joined in ("lr", "learning_rate") or column.startswith("lr-"):
        return "lr"
    return find_measure({*words})


def find_measure(words: Collection[str]) -> str | None:
    """Return the name of the column of a measurement by the words of its name, or `None`."""
    words = {*words}
    if words & SUMMARIES:
        return None
    kind = "loss" if "loss" in words else "acc" if words & ACCURACY else None
    if kind is None:
        return None
    split = next((name for name, known in SPLITS.items() if words & known), None)
    if split is None:
        split = "train" if kind == "loss" else "val"
    if "fgsm" in words:
        return f"{split}_fgsm_{kind}"
    is_robust = bool(words & ROBUST) or any(re.fullmatch(r"pgd\d+", word) for word in words)
    return f"{split}_{'robust_' if is_robust else ''}{kind}"


def split_words(column: str) -> list[str]:
    """Return the words of a name, in lower case.

    >>> split_words("trainer/global_step"), split_words("validAccuracy")
    (['trainer', 'global', 'step'], ['valid', 'accuracy'])
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word]


def number_epochs(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return a table with one row per run and epoch, and what was assumed.

    Rows of one epoch, which some software writes for training and validation, are joined. Without
    a column of epochs, each step with an accuracy is the end of one.

    Args:
        table: With a column `run`, and `epoch` or `step`.

    Raises:
        ValueError: If it has neither, or an epoch is no number.
    """
    notes = []
    if "epoch" not in table or table["epoch"].isna().all():
        if "step" not in table:
            raise ValueError(
                "there is no column of epochs, nor of steps, so that it may hold final results "
                "alone; export the values of each epoch, or write columns=epoch:COLUMN"
            )
        table = pd.concat([steps_to_epochs(rows) for _, rows in table.groupby("run", sort=False)])
        notes.append("assumed: each step with an accuracy is the end of an epoch")
    table = table[table["epoch"].notna()]
    # a fraction is a measurement within the epoch; rounded, as sums of fractions are inexact
    table = table.assign(epoch=np.ceil(to_numbers(table["epoch"]).round(6)))
    if table.duplicated(["run", "epoch"]).any():
        # `last` passes over missing values
        table = table.groupby(["run", "epoch"], as_index=False, sort=False).last()
    return table.reset_index(drop=True), notes


def to_numbers(values: "pd.Series[float]") -> "pd.Series[float]":
    """Return a column as numbers.

    Raises:
        ValueError: If a value is none, such as "50%".
    """
    numbers = pd.to_numeric(values, errors="coerce")
    if len(wrong := values[numbers.isna() & values.notna()]):
        raise ValueError(
            f"column {values.name} must hold numbers, got {wrong.iloc[0]!r}; write it as a number"
        )
    return numbers.astype(float)


def steps_to_epochs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one run with epochs, from 0, in place of steps."""
    rows = rows.sort_values("step", kind="stable")
    accuracies = [name for name in list_accuracies(rows) if not name.startswith("train")]
    measured = rows.loc[rows[accuracies].notna().any(axis=1), "step"].drop_duplicates()
    position = measured.searchsorted(rows["step"])
    return rows.assign(epoch=position)[position < len(measured)]


def list_accuracies(table: pd.DataFrame) -> Iterator[str]:
    """Yield the columns of accuracies."""
    return (name for name in map(str, table) if name.endswith("_acc"))
