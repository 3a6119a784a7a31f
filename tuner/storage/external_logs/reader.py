"""Other people's runs as the frames of a study: tables of logs, and the logs themselves.

These logs examine the **test** split after every epoch, for that is what the papers did. It stands
where a study of ours has its validation split, in `val_clean_accuracy` and `val_robust_accuracy`,
so that everything reads it, and `Logs.notes` says so: a best epoch that is chosen by it is the
oracle's. A log that has a split of its own for validation tells of it besides, in
`held_out_clean_accuracy` and `held_out_robust_accuracy`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from trainables.errors import InputError
from tuner.layout import TRIAL_COLUMNS
from tuner.storage.external_logs import parser
from tuner.storage.external_logs.knob_names import METRIC_COLUMNS, map_knobs

DEFAULT_STEPS = {"fgsm": 1, "none": 0}
"""Gradients that an attack takes, where the log's number of steps is not of it."""
HELD_OUT_COLUMN = "held_out_robust_accuracy"
EXTRA_COLUMNS = {
    "train_acc": "train_clean_accuracy",
    "train_robust_acc": "train_robust_accuracy",
    "val_acc": "held_out_clean_accuracy",
    "val_robust_acc": "held_out_robust_accuracy",
    "test_fgsm_acc": "test_fgsm_accuracy",
}
"""What logs know besides."""


@dataclass(frozen=True)
class ExternalLogs:
    """Runs that others logged.

    Attributes:
        trials: A row a run, with the columns of `trials.parquet`.
        epochs: A row an epoch, with those of `epochs.parquet` and what logs know besides.
        notes: What to know before comparing them with a study of ours, one line each.
    """

    trials: pd.DataFrame
    epochs: pd.DataFrame
    notes: tuple[str, ...]


def read_logs(path: Path) -> ExternalLogs:
    """Return the runs in a table of logs (.csv, .csv.gz), a log, or a folder with logs.

    A table has a row an epoch, a column `run`, and the columns that `tuner.storage.external_logs.parser` finds in a
    log. A run in a folder is called by the path of its log.

    Raises:
        InputError: If there is none, with what was found instead.
    """
    try:
        return build_frames(read_tables(path))
    except (OSError, ValueError, LookupError, EOFError) as error:
        reason = f"{error}".partition("\n")[0] or type(error).__name__
        raise InputError([
            f"{path}: expected a table of logs with columns run, epoch, test_acc and "
            f"test_robust_acc, or a log of such epochs, and cannot read it as one ({reason})."
        ]) from None


def read_tables(path: Path) -> pd.DataFrame:
    """Return the epochs that a file or the logs in a folder tell of, called by their run.

    Raises:
        ValueError: If there are none.
    """
    if path.is_dir():
        logs = {run_name(log.relative_to(path)): log for log in sorted(path.rglob("*.log"))}
    elif ".csv" in path.suffixes:
        return pd.read_csv(path)
    else:
        logs = {run_name(Path(*path.absolute().parts[-3:])): path}
    tables = [
        parser.parse_log(log.read_text(errors="replace")).assign(run=name)
        for name, log in logs.items()
    ]
    if not any(map(len, tables)):
        raise ValueError("no epoch is told of")
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def run_name(log: Path) -> str:
    """Return the name of the run that a log is of.

    >>> run_name(Path("cifar10_l2/preactresnet18_5e-4/output.log")), run_name(Path("logs/eps=8.log"))
    ('cifar10_l2/preactresnet18_5e-4', 'logs/eps=8')
    """
    alone = log.stem in ("output", "log", "train") and log.parent.name
    return str(log.parent if alone else log.with_suffix(""))


def build_frames(table: pd.DataFrame) -> ExternalLogs:
    """Return a table of logs as frames.

    Raises:
        ValueError: If it lacks a column.
    """
    if lacking := [name for name in ("run", "epoch") if name not in table]:
        raise ValueError(f"there is no column {', '.join(lacking)}")
    if not {"test_acc", "test_robust_acc"} & set(table.columns):
        raise ValueError("nothing was examined")
    table = to_fractions(table.reset_index(drop=True))
    known = map_knobs(table)
    epochs = build_epochs(table, known)
    trials = build_trials(epochs, known, table)
    return ExternalLogs(trials, epochs, tuple(build_notes(epochs)))


def to_fractions(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose accuracies are fractions, which some logs have in percent."""
    accuracies = [name for name in map(str, table) if name.endswith("_acc")]
    percent = (table[accuracies] > 1).any(axis=None)
    return table.assign(**{name: table[name] / 100 for name in accuracies}) if percent else table


def build_epochs(table: pd.DataFrame, knob_values: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table as the reports of trials."""
    table = table.reindex(columns=[*dict.fromkeys([*table, *METRIC_COLUMNS])])
    first = table.groupby("run")["epoch"].transform("min")
    epoch = (table["epoch"] + (first != 1)).astype("int64")  # most scripts count from 0
    loss = table["train_robust_loss"].fillna(table["train_loss"])
    knob_values = knob_values.reindex(
        columns=[*dict.fromkeys([*knob_values, "attack", "attack.steps", "threat.eps"])]
    )
    steps = knob_values["attack.steps"].where(
        knob_values["attack"] == "pgd", knob_values["attack"].map(DEFAULT_STEPS)
    )
    finished = table["test_robust_acc"].notna() | table["train_robust_acc"].notna()
    frame = pd.DataFrame({
        "trial_id": table["run"],
        "epoch": epoch,
        "train_loss": loss,
        "val_clean_accuracy": table["test_acc"],
        "val_robust_accuracy": table["test_robust_acc"],
        "lr": table["lr"],
        "eps": knob_values["threat.eps"],
        "gradient_passes": epoch * (steps + 1.0),
        "seconds": table["train_seconds"].fillna(0) + table["test_seconds"].fillna(0),
        "exam_seconds": table["test_seconds"].fillna(0),
        "diverged": loss.isna() & finished,
        "level": 0,
        "collapsed_at": 0,
        "micro_batch": pd.array([pd.NA] * len(table), dtype="Int64"),
    })
    more = table[[name for name in EXTRA_COLUMNS if table[name].notna().any()]].rename(
        columns=EXTRA_COLUMNS
    )
    return frame.join(more)


def build_trials(
    epochs: pd.DataFrame, knob_values: pd.DataFrame, table: pd.DataFrame
) -> pd.DataFrame:
    """Return a row a run: its knobs and what it came to, as a study would tell."""
    runs = epochs.groupby("trial_id", sort=False)
    last = runs.tail(1).set_index("trial_id")
    score = ["val_robust_accuracy", "val_clean_accuracy"]
    ranked = epochs.sort_values(score, ascending=False, kind="stable")
    best = ranked.drop_duplicates("trial_id").set_index("trial_id").reindex(last.index)
    of_run = knob_values.groupby(epochs["trial_id"], sort=False).first()
    asked = (
        table.reindex(columns=["epochs", "seed"]).groupby(epochs["trial_id"], sort=False).first()
    )
    frame = of_run.assign(
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
        seed=asked["seed"].fillna(0),
        checkpoint="",
        error="",
    )
    whole = asked["epochs"].isna() | (last["epoch"] >= asked["epochs"])
    status = whole.map({True: "completed", False: "stopped"}).mask(last["diverged"], "diverged")
    frame.insert(0, "status", status)
    return frame.rename_axis("trial_id").reset_index().astype(TRIAL_COLUMNS)


def build_notes(epochs: pd.DataFrame) -> Iterator[str]:
    """Yield what to know of logs before comparing them with a study of ours."""
    yield (
        f"the {epochs['trial_id'].nunique()} logged runs examined the test split: val_* is of it, "
        "so that a best epoch is the oracle's."
    )
    if HELD_OUT_COLUMN in epochs:
        own = epochs.loc[epochs[HELD_OUT_COLUMN].notna(), "trial_id"].unique()
        yield f"{len(own)} of them held a split out besides ({', '.join(own[:3])}): held_out_*."
    if unexamined := int(epochs["val_robust_accuracy"].isna().sum()):
        yield f"{unexamined} of their {len(epochs)} epochs were not examined."
