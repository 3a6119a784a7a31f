"""Recorded runs, on which searchers and schedulers are compared in seconds."""

import itertools
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from trainables.errors import InputError
from trainables.training.fidelity import MAX_DROP_RATIO, Level
from trainables.training.report import Report
from tuner.layout import EPOCHS_FILE, SEARCH_FILE, TRIALS_FILE
from tuner.storage import search_yaml
from tuner.storage.external_logs import reader
from tuner.storage.remote_folders import fetch_results_folder

COMPARED_COLUMNS = ["data", "threat", "threat.eps", "model"]
"""Columns in which logged runs must agree for their accuracies to be comparable."""
OPTIONAL_FIELDS = tuple(field.name for field in fields(Report) if field.default is None)
"""Fields of a report that may be unknown."""
END_EPOCHS = 3
"""Epochs at the end of a run in which smooth schedules fall as fast as others drop."""
EXTRA_DATA_MARKER = "semisupervised"
"""Part of the name of a run that was trained on additional images."""


@dataclass(frozen=True)
class Recording:
    """One recorded run.

    Attributes:
        name: Name of the run.
        knobs: Known values of knobs by path.
        reports: One per epoch, level by level.
    """

    name: str
    knobs: Mapping[str, Any]
    reports: tuple[Report, ...]

    @property
    def best_accuracy(self) -> float:
        """The highest robust accuracy of the run."""
        return max(report.val_robust_accuracy for report in self.reports)

    def find_lr_drop(self) -> int | None:
        """Return after how many epochs of its last level the learning rate first drops.

        `None`: it does not, or only at its end.
        """
        last = [report.lr for report in self.reports if report.level == self.reports[-1].level]
        for epoch, (before, now) in enumerate(itertools.pairwise(last[:-END_EPOCHS]), start=1):
            if now < MAX_DROP_RATIO * before:
                return epoch
        return None


@dataclass(frozen=True)
class Archive:
    """All runs of a results folder or of a table of logs.

    Attributes:
        runs: At least one.
        levels: The levels of each run; a run may be shorter or longer.
        selection: Which runs these are, if others were left out: one line each.
    """

    runs: tuple[Recording, ...]
    levels: tuple[Level, ...]
    selection: tuple[str, ...] = ()

    @property
    def lr_drops(self) -> frozenset[float | None]:
        """The median share of a run at which the learning rate first drops, if most runs do."""
        found = [run.find_lr_drop() for run in self.runs]
        drops = sorted(drop for drop in found if drop is not None)
        if 2 * len(drops) <= len(found):
            return frozenset({None})
        return frozenset({drops[len(drops) // 2] / self.levels[-1].epochs})


def load_archive(source: Path | str, columns: Mapping[str, str] | None = None) -> Archive:
    """Return the runs in a results folder, or in logs of other programs.

    Of logged runs with different data, threat models or networks, those of the most frequent
    combination are returned.

    Args:
        source: Path of the folder or logs, or address of the folder.
        columns: Name of a column in this project to its name in a table of logs; `None`: the names
            of the table say what they are.

    Raises:
        InputError: If there are none.
    """
    try:
        path = fetch_results_folder(source)
        archive = (
            load_results_folder(path)
            if (path / SEARCH_FILE).is_file()
            else select_logged_runs(reader.read_logs(path, columns))
        )
    except InputError as error:
        raise InputError([f"replay: {each}" for each in error.problems]) from None
    except Exception as error:  # an untrusted file can raise anything
        reason = str(error).partition("\n")[0]
        raise InputError([
            f"replay: {source} cannot be read as a results folder or a table of logs ({reason})."
        ]) from None
    if not archive.runs:
        raise InputError([f"replay: {source} has no run that went to its end."])
    return archive


def load_results_folder(folder: Path) -> Archive:
    """Return the completed trials of a study."""
    description = search_yaml.read_search_yaml(folder / SEARCH_FILE) or {}
    trials = pd.read_parquet(folder / TRIALS_FILE).set_index("trial_id")
    epochs = pd.read_parquet(folder / EPOCHS_FILE)
    completed = trials[trials["status"] == "completed"]
    knobs = completed[[path for path in completed if "." in str(path)]]
    runs = tuple(build_recordings(knobs, epochs))
    levels = tuple(Level(**level) for level in description["levels"])
    n_left_out = len(trials) - len(runs)
    selection = (
        f"{len(runs)} of {len(trials)} trials are replayed; {n_left_out} did not run to the end."
    )
    return Archive(runs, levels, (selection,) if n_left_out else ())


def select_logged_runs(logged: reader.ExternalLogs) -> Archive:
    """Return the logged runs of the most frequent combination of `COMPARED_COLUMNS`."""
    trials = logged.trials.set_index("trial_id")
    has_extra_data = trials.index.str.contains(EXTRA_DATA_MARKER)
    n_extra, trials = int(has_extra_data.sum()), trials[~has_extra_data]
    # "" for what a log does not say, since NaN differs from itself
    compared = trials.reindex(columns=COMPARED_COLUMNS).astype(object)
    combinations = compared.where(compared.notna(), "").astype(str).apply(tuple, axis=1)
    counts = Counter(combinations)
    alike = trials[combinations == counts.most_common(1)[0][0]]
    knobs = alike.loc[:, :"best_epoch"].drop(columns=["status", "best_epoch"])
    # a loss that is not finite ends a trial here, but did not end these runs
    runs = tuple(build_recordings(knobs, logged.epochs.assign(diverged=False)))
    lengths = Counter(len(run.reports) for run in runs)
    selection = (*logged.notes, *describe_selection(counts, n_extra))
    return Archive(runs, (Level(lengths.most_common(1)[0][0]),), selection)


def describe_selection(counts: Counter[tuple[str, ...]], n_extra: int) -> Iterator[str]:
    """Yield which logged runs are replayed and which are not.

    Args:
        counts: Number of runs of each combination of `COMPARED_COLUMNS`.
        n_extra: Runs that were trained on additional images.
    """
    (chosen, n_chosen), *others = counts.most_common()
    total = counts.total() + n_extra
    which = "those with" if n_chosen < total else "all with"
    yield f"{n_chosen} of {total} runs are replayed, {which} {format_combination(chosen)}."
    for combination, number in others:
        yield f"left out: {number} with {format_combination(combination)}."
    if n_extra:
        yield f"left out: {n_extra} trained on additional images."


def format_combination(values: tuple[str, ...]) -> str:
    """Return the known values of `COMPARED_COLUMNS` as text."""
    pairs = zip(COMPARED_COLUMNS, values, strict=True)
    known = [f"{name}={value}" for name, value in pairs if value]
    return ", ".join(known) or f"no {', '.join(COMPARED_COLUMNS)}"


def build_recordings(knobs: pd.DataFrame, epochs: pd.DataFrame) -> Iterator[Recording]:
    """Yield runs.

    Args:
        knobs: One row per run, indexed by its name; one column per knob.
        epochs: Epochs of these runs; those of other runs are ignored.
    """
    names = [field.name for field in fields(Report)]
    for number, rows in epochs.groupby("trial_id"):
        if number in knobs.index:
            values = {str(path): value for path, value in knobs.loc[str(number)].items()}
            yield Recording(
                str(number),
                values,
                tuple(map(row_to_report, rows.reindex(columns=names).to_dict("records"))),
            )


def row_to_report(row: Mapping[Hashable, Any]) -> Report:
    """Return the report of a row of `epochs`."""
    values: dict[str, Any] = {str(name): value for name, value in row.items()}
    return Report(**values | {name: None for name in OPTIONAL_FIELDS if pd.isna(values[name])})
