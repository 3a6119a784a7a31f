"""Runs that are over, to try searchers and schedulers on in seconds."""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from trainables.errors import InputError
from trainables.training.fidelity import Level
from trainables.training.report import Report
from tuner.layout import EPOCHS_FILE, SEARCH_FILE, TRIALS_FILE
from tuner.storage import search_yaml
from tuner.storage.external_logs import reader
from tuner.storage.remote_copy import fetch_results_folder

COMPARED_COLUMNS = ["data", "threat", "threat.eps", "model"]
"""What logged runs must share for their accuracies to be comparable."""
EXTRA_DATA_MARKER = "semisupervised"
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
    def best_accuracy(self) -> float:
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


def load_archive(source: Path | str) -> Archive:
    """Return the runs in a results folder, or in logs as `tuner.storage.external_logs.reader` reads them.

    Of logged runs that asked different questions those of the most frequent one are taken.

    Args:
        source: Their path, or the address of the folder.

    Raises:
        InputError: If there are none.
    """
    try:
        path = fetch_results_folder(source)
        found = (
            load_results_folder(path)
            if (path / SEARCH_FILE).is_file()
            else select_logged_runs(reader.read_logs(path))
        )
    except InputError as error:
        raise InputError([f"replay: {each}" for each in error.problems]) from None
    except Exception as error:  # a stranger's file can fail in any way
        reason = str(error).partition("\n")[0]
        raise InputError([
            f"replay: {source} cannot be read as a results folder or a table of logs ({reason})."
        ]) from None
    if not found.runs:
        raise InputError([f"replay: {source} has no run that went to its end."])
    return found


def load_results_folder(folder: Path) -> Archive:
    """Return the trials of a study that went to their end."""
    said = search_yaml.read_search_yaml(folder / SEARCH_FILE)
    trials = pd.read_parquet(folder / TRIALS_FILE).set_index("trial_id")
    epochs = pd.read_parquet(folder / EPOCHS_FILE)
    whole = trials[trials["status"] == "completed"]
    knobs = whole[[path for path in whole if "." in str(path)]]
    runs = tuple(build_recordings(knobs, epochs))
    return Archive(runs, tuple(Level(**level) for level in said["levels"]))


def select_logged_runs(logged: reader.ExternalLogs) -> Archive:
    """Return the logged runs that asked the most frequent question."""
    trials = logged.trials.set_index("trial_id")
    trials = trials[~trials.index.str.contains(EXTRA_DATA_MARKER)]
    asked = trials.reindex(columns=COMPARED_COLUMNS).astype(str).apply(tuple, axis=1)
    alike = trials[asked == Counter(asked).most_common(1)[0][0]]
    knobs = alike.loc[:, :"best_epoch"].drop(columns=["status", "best_epoch"])
    # a loss that is not finite ends a trial of ours, but did not end these runs
    runs = tuple(build_recordings(knobs, logged.epochs.assign(diverged=False)))
    lengths = Counter(len(run.reports) for run in runs)
    return Archive(runs, (Level(lengths.most_common(1)[0][0]),))


def build_recordings(knobs: pd.DataFrame, epochs: pd.DataFrame) -> Iterator[Recording]:
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
                str(number), known, tuple(map(row_to_report, rows[names].to_dict("records")))
            )


def row_to_report(row: Mapping[Hashable, Any]) -> Report:
    """Return a row of `epochs` as it was reported."""
    return Report(**{str(name): value for name, value in row.items()})
