"""Runs that are over, to try searchers and schedulers on in seconds."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from trainables import study_file
from trainables.levels import Level
from trainables.problems import InputError
from trainables.report import Report
from tuner import logs
from tuner.columns import EPOCHS, TRIALS
from tuner.results import STUDY
from tuner.working_copy import here

QUESTION = ["data", "threat", "threat.eps", "model"]
"""What logged runs must share for their accuracies to be comparable."""
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


def recorded(named: Path | str) -> Archive:
    """Return the runs in a results folder, or in logs as `tuner.logs` reads them.

    Of logged runs that asked different questions those of the most frequent one are taken.

    Args:
        named: Their path, or the address of the folder.

    Raises:
        InputError: If there are none.
    """
    try:
        path = here(named)
        found = of_folder(path) if (path / STUDY).is_file() else of_logs(logs.read(path))
    except InputError as error:
        raise InputError([f"replay: {each}" for each in error.each]) from None
    except Exception as error:  # a stranger's file can fail in any way
        reason = str(error).partition("\n")[0]
        raise InputError([
            f"replay: {named} cannot be read as a results folder or a table of logs ({reason})."
        ]) from None
    if not found.runs:
        raise InputError([f"replay: {named} has no run that went to its end."])
    return found


def of_folder(folder: Path) -> Archive:
    """Return the trials of a study that went to their end."""
    said = study_file.read(folder / STUDY)
    trials = pd.read_parquet(folder / TRIALS).set_index("trial_id")
    epochs = pd.read_parquet(folder / EPOCHS)
    whole = trials[trials["status"] == "completed"]
    knobs = whole[[path for path in whole if "." in str(path)]]
    runs = tuple(recordings(knobs, epochs))
    return Archive(runs, tuple(Level(**level) for level in said["levels"]))


def of_logs(logged: logs.Logs) -> Archive:
    """Return the logged runs that asked the most frequent question."""
    trials = logged.trials.set_index("trial_id")
    trials = trials[~trials.index.str.contains(MORE_IMAGES)]
    asked = trials.reindex(columns=QUESTION).astype(str).apply(tuple, axis=1)
    alike = trials[asked == Counter(asked).most_common(1)[0][0]]
    knobs = alike.loc[:, :"best_epoch"].drop(columns=["status", "best_epoch"])
    # a loss that is not finite ends a trial of ours, but did not end these runs
    runs = tuple(recordings(knobs, logged.epochs.assign(diverged=False)))
    lengths = Counter(len(run.reports) for run in runs)
    return Archive(runs, (Level(lengths.most_common(1)[0][0]),))


def recordings(knobs: pd.DataFrame, epochs: pd.DataFrame) -> Iterator[Recording]:
    """Yield runs.

    Args:
        knobs: A row a run, by its name; a column a knob.
        epochs: Of these runs, and perhaps of others.
    """
    names = [field.name for field in fields(Report)]
    for number, rows in epochs.groupby("trial_id"):
        if number in knobs.index:
            known = {str(path): value for path, value in knobs.loc[str(number)].items()}
            yield Recording(
                str(number), known, tuple(map(reported, rows[names].to_dict("records")))
            )


def reported(row: Mapping[Hashable, Any]) -> Report:
    """Return a row of `epochs` as it was reported."""
    return Report(**{str(name): value for name, value in row.items()})
