"""Runs that are over, to try searchers and schedulers on in seconds."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from trainables.levels import Level
from trainables.problems import InputError
from trainables.report import Report

KNOBS = {
    "lr_max": "optimizer.lr",
    "l2": "optimizer.weight_decay",
    "cutout_len": "data.cutout",
    "mixup_alpha": "data.mixup",
    "lr_schedule": "schedule",
}
"""What the logs of arXiv:2002.11569 call a knob, and what it is called here."""
DECAY = 5e-4
"""Weight decay where those logs say none or zero."""
QUESTION = ["dataset", "norm", "epsilon", "model"]
"""What runs must share for their accuracies to be comparable."""
MORE_IMAGES = "semisupervised"
"""In the name of a run that was given more images than the others."""


@dataclass(frozen=True)
class Recording:
    """One run.

    Attributes:
        name: What it is called.
        knobs: Value of each knob by path, as far as it is known.
        reports: One an epoch, level by level.
    """

    name: str
    knobs: Mapping[str, Any]
    reports: tuple[Report, ...]

    @property
    def best(self) -> float:
        """The highest robust accuracy of the run."""
        return max(report.val_robust_accuracy for report in self.reports)


@dataclass(frozen=True)
class Archive:
    """All runs of a file.

    Attributes:
        runs: At least one.
        levels: The whole runs that each consists of; a run may be shorter or longer.
    """

    runs: tuple[Recording, ...]
    levels: tuple[Level, ...]


def recorded(path: Path) -> Archive:
    """Return the runs in a results folder, or in a table of logs.

    A table has a row an epoch and the columns of the logs of "Overfitting in adversarially robust
    deep learning" (arXiv:2002.11569): run, epoch, lr, test_acc, test_robust_acc and knobs. Of runs
    that asked different questions those of the most frequent one are taken.

    Raises:
        InputError: If there are none.
    """
    try:
        found = of_folder(path) if path.is_dir() else of_table(pd.read_csv(path))
    except (OSError, ValueError, KeyError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise InputError([
            f"replay: {path} cannot be read as a results folder or a table of logs ({reason})."
        ]) from None
    if not found.runs:
        raise InputError([f"replay: {path} has no run that went to its end."])
    return found


def of_folder(folder: Path) -> Archive:
    """Return the trials of a study that went to their end."""
    said = yaml.safe_load((folder / "search.yaml").read_text())
    trials = pd.read_parquet(folder / "trials.parquet").set_index("trial_id")
    epochs = pd.read_parquet(folder / "epochs.parquet")
    whole = trials[trials["status"] == "completed"]
    names = [field.name for field in fields(Report)]
    runs = [
        Recording(
            str(number),
            {str(path): v for path, v in whole.loc[str(number)].items() if "." in str(path)},
            tuple(map(reported, rows[names].to_dict("records"))),
        )
        for number, rows in epochs.groupby("trial_id")
        if number in whole.index
    ]
    return Archive(tuple(runs), tuple(Level(**level) for level in said["levels"]))


def reported(row: Mapping[Hashable, Any]) -> Report:
    """Return a row of `epochs` as it was reported."""
    return Report(**{str(name): value for name, value in row.items()})


def of_table(table: pd.DataFrame) -> Archive:
    """Return the runs of a table of logs that asked the most frequent question."""
    table = table[~table["run"].str.contains(MORE_IMAGES)]
    asked = table.groupby("run")[QUESTION].first().astype(str).apply(tuple, axis=1)
    question = Counter(asked).most_common(1)[0][0]
    runs = [
        Recording(str(name), dict(knobs(rows.iloc[0])), tuple(curve(rows)))
        for name, rows in table.groupby("run")
        if asked[name] == question
    ]
    lengths = Counter(len(run.reports) for run in runs)
    return Archive(tuple(runs), (Level(lengths.most_common(1)[0][0]),))


def knobs(row: "pd.Series[Any]") -> Iterator[tuple[str, Any]]:
    """Yield each knob that a row of a table knows, by path."""
    for column, path in KNOBS.items():
        value = row[column]
        if path == "optimizer.weight_decay":
            value = DECAY if pd.isna(value) else value or DECAY
        if not pd.isna(value):
            yield path, value


def curve(rows: pd.DataFrame) -> Iterator[Report]:
    """Yield the epochs of a run."""
    seconds = rows["train_seconds"] + rows["test_seconds"]
    for epoch, (row, spent) in enumerate(
        zip(rows.to_dict("records"), seconds, strict=True), start=1
    ):
        yield Report(
            epoch=epoch,
            train_loss=row["train_robust_loss"],
            val_clean_accuracy=row["test_acc"],
            val_robust_accuracy=row["test_robust_acc"],
            lr=row["lr"],
            eps=row["epsilon"] / 255,
            gradient_passes=float(epoch),
            seconds=spent,
            exam_seconds=row["test_seconds"],
        )
