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

from trainables.problems import InputError
from tuner import log_lines
from tuner.columns import TRIAL_COLUMNS
from tuner.log_knobs import MEASURED, knobs

STEPS = {"fgsm": 1, "none": 0}
"""Gradients that an attack takes, where the log's number of steps is not of it."""
HELD_OUT = "held_out_robust_accuracy"
MEASURES = {
    "train_acc": "train_clean_accuracy",
    "train_robust_acc": "train_robust_accuracy",
    "val_acc": "held_out_clean_accuracy",
    "val_robust_acc": "held_out_robust_accuracy",
    "test_fgsm_acc": "test_fgsm_accuracy",
}
"""What logs know besides."""


@dataclass(frozen=True)
class Logs:
    """Runs that others logged.

    Attributes:
        trials: A row a run, with the columns of `trials.parquet`.
        epochs: A row an epoch, with those of `epochs.parquet` and what logs know besides.
        notes: What to know before comparing them with a study of ours, one line each.
    """

    trials: pd.DataFrame
    epochs: pd.DataFrame
    notes: tuple[str, ...]


def read(path: Path) -> Logs:
    """Return the runs in a table of logs (.csv, .csv.gz), a log, or a folder with logs.

    A table has a row an epoch, a column `run`, and the columns that `tuner.log_lines` finds in a
    log. A run in a folder is called by the path of its log.

    Raises:
        InputError: If there is none, with what was found instead.
    """
    try:
        return framed(collected(path))
    except (OSError, ValueError, LookupError, EOFError) as error:
        reason = f"{error}".partition("\n")[0] or type(error).__name__
        raise InputError([
            f"{path}: expected a table of logs with columns run, epoch, test_acc and "
            f"test_robust_acc, or a log of such epochs, and cannot read it as one ({reason})."
        ]) from None


def collected(path: Path) -> pd.DataFrame:
    """Return the epochs that a file or the logs in a folder tell of, called by their run.

    Raises:
        ValueError: If there are none.
    """
    if path.is_dir():
        logs = {called(log.relative_to(path)): log for log in sorted(path.rglob("*.log"))}
    elif ".csv" in path.suffixes:
        return pd.read_csv(path)
    else:
        logs = {called(Path(*path.absolute().parts[-3:])): path}
    tables = [
        log_lines.table(log.read_text(errors="replace")).assign(run=name)
        for name, log in logs.items()
    ]
    if not any(map(len, tables)):
        raise ValueError("no epoch is told of")
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def called(log: Path) -> str:
    """Return the name of the run that a log is of.

    >>> called(Path("cifar10_l2/preactresnet18_5e-4/output.log")), called(Path("logs/eps=8.log"))
    ('cifar10_l2/preactresnet18_5e-4', 'logs/eps=8')
    """
    alone = log.stem in ("output", "log", "train") and log.parent.name
    return str(log.parent if alone else log.with_suffix(""))


def framed(table: pd.DataFrame) -> Logs:
    """Return a table of logs as frames.

    Raises:
        ValueError: If it lacks a column.
    """
    if lacking := [name for name in ("run", "epoch") if name not in table]:
        raise ValueError(f"there is no column {', '.join(lacking)}")
    if not {"test_acc", "test_robust_acc"} & set(table.columns):
        raise ValueError("nothing was examined")
    table = as_fractions(table.reset_index(drop=True))
    known = knobs(table)
    epochs = reports(table, known)
    trials = summary(epochs, known, table)
    return Logs(trials, epochs, tuple(notes(epochs)))


def as_fractions(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose accuracies are fractions, which some logs have in percent."""
    accuracies = [name for name in map(str, table) if name.endswith("_acc")]
    percent = (table[accuracies] > 1).any(axis=None)
    return table.assign(**{name: table[name] / 100 for name in accuracies}) if percent else table


def reports(table: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table as the reports of trials."""
    table = table.reindex(columns=[*dict.fromkeys([*table, *MEASURED])])
    first = table.groupby("run")["epoch"].transform("min")
    epoch = (table["epoch"] + (first != 1)).astype("int64")  # most scripts count from 0
    loss = table["train_robust_loss"].fillna(table["train_loss"])
    known = known.reindex(
        columns=[*dict.fromkeys([*known, "attack", "attack.steps", "threat.eps"])]
    )
    steps = known["attack.steps"].where(known["attack"] == "pgd", known["attack"].map(STEPS))
    finished = table["test_robust_acc"].notna() | table["train_robust_acc"].notna()
    frame = pd.DataFrame({
        "trial_id": table["run"],
        "epoch": epoch,
        "train_loss": loss,
        "val_clean_accuracy": table["test_acc"],
        "val_robust_accuracy": table["test_robust_acc"],
        "lr": table["lr"],
        "eps": known["threat.eps"],
        "gradient_passes": epoch * (steps + 1.0),
        "seconds": table["train_seconds"].fillna(0) + table["test_seconds"].fillna(0),
        "exam_seconds": table["test_seconds"].fillna(0),
        "diverged": loss.isna() & finished,
        "level": 0,
        "collapsed_at": 0,
        "micro_batch": pd.array([pd.NA] * len(table), dtype="Int64"),
    })
    more = table[[name for name in MEASURES if table[name].notna().any()]].rename(columns=MEASURES)
    return frame.join(more)


def summary(epochs: pd.DataFrame, known: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return a row a run: its knobs and what it came to, as a study would tell."""
    runs = epochs.groupby("trial_id", sort=False)
    last = runs.tail(1).set_index("trial_id")
    score = ["val_robust_accuracy", "val_clean_accuracy"]
    ranked = epochs.sort_values(score, ascending=False, kind="stable")
    best = ranked.drop_duplicates("trial_id").set_index("trial_id").reindex(last.index)
    of_run = known.groupby(epochs["trial_id"], sort=False).first()
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


def notes(epochs: pd.DataFrame) -> Iterator[str]:
    """Yield what to know of logs before comparing them with a study of ours."""
    yield (
        f"the {epochs['trial_id'].nunique()} logged runs examined the test split: val_* is of it, "
        "so that a best epoch is the oracle's."
    )
    if HELD_OUT in epochs:
        own = epochs.loc[epochs[HELD_OUT].notna(), "trial_id"].unique()
        yield f"{len(own)} of them held a split out besides ({', '.join(own[:3])}): held_out_*."
    if unexamined := int(epochs["val_robust_accuracy"].isna().sum()):
        yield f"{unexamined} of their {len(epochs)} epochs were not examined."
