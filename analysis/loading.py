"""Load results folders, or external logs, as frames: `load(FOLDER, ...)`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet
import yaml

from analysis import frame_schema
from analysis.frames import Column, Frames, Study, add_study_column, join_frames
from analysis.missing_trials import find_missing_trials
from trainables.errors import InputError
from trainables.hparams.ranges import absolute_path
from tuner.layout import (
    EPOCHS_FILE,
    EVALUATION_FILE,
    EVENT_LOG_FILE,
    SEARCH_FILE,
    TRIAL_COLUMNS,
    TRIALS_FILE,
)
from tuner.storage.external_logs import reader
from tuner.storage.remote_folders import fetch_results_folder
from tuner.storage.search_yaml import SearchYaml, read_search_yaml

REQUIRED_COLUMNS = {
    TRIALS_FILE: ("trial_id", "status", "val_robust_accuracy"),
    EPOCHS_FILE: ("trial_id", "epoch"),
    EVALUATION_FILE: ("trial_id", "attack"),
}
"""Columns that a file of a study must have."""


def load(*folders: Path | str, columns: Mapping[str, str] | None = None) -> Frames:
    """Return the frames of one or several results folders, or of external logs.

    Corrupt files are left out and listed in `problems`. A running study is read up to its present
    state.

    Args:
        folders: Results folders of `tuner.search`, or their addresses (s3://bucket/studies/NAME);
            or what `tuner.storage.external_logs.reader.read` reads: a table of logs, a log, a
            folder of logs. At least one.
        columns: Name of a column in this project to its name in tables of logs; `None`: the names
            of the tables say what they are.

    Raises:
        InputError: If no folder is given, or none of them contains a study, with the reason for
            each.
    """
    if not folders:
        raise InputError(["FOLDER: expected at least one results folder, got none."])
    named = name_folders([fetch_results_folder(folder) for folder in folders])
    found: list[Frames] = []
    problems: list[str] = []
    for name, folder in named.items():
        try:
            found.append(load_folder(folder, name, columns))
        except InputError as error:
            problems += error.problems
        except OSError as error:
            problems.append(f"{folder}: cannot be read ({error_reason(error)}).")
    if not found:
        raise InputError(problems)
    return join_frames(found, problems)


def name_folders(folders: Sequence[Path]) -> dict[str, Path]:
    """Return folders by name, with as many parts of the path as make names unique."""
    whole = list(dict.fromkeys(map(absolute_path, folders)))
    depth = next(
        depth
        for depth in range(1, 2 + max(len(path.parts) for path in whole))
        if len({path.parts[-depth:] for path in whole}) == len(whole)
    )
    return {str(Path(*path.parts[-depth:])): path for path in whole}


def load_folder(folder: Path, name: str, columns: Mapping[str, str] | None = None) -> Frames:
    """Return the frames of one results folder, or of logs.

    Raises:
        InputError: If the folder contains neither.
    """
    if not folder.exists():
        raise InputError([f"{folder}: there is no such folder; write a results folder."])
    if folder.is_file():
        return load_logs(folder, name, columns)
    if not (folder / SEARCH_FILE).is_file():
        # an event file inside a damaged study is not a log of other software
        is_study = any(next(folder.rglob(name), None) for name in (SEARCH_FILE, EVENT_LOG_FILE))
        if not is_study and reader.holds_logs(folder):
            return load_logs(folder, name, columns)
        raise InputError([
            f"{folder}: expected a results folder of tuner.search, found no {SEARCH_FILE} in it."
        ])
    return load_study(folder, name)


def load_logs(path: Path, name: str, columns: Mapping[str, str] | None = None) -> Frames:
    """Return the frames of runs from external logs."""
    found = reader.read_logs(path, columns)
    is_several = len(found.trials) > 1
    varied = [
        path
        for path in list_knob_columns(found.trials)
        if not is_several or has_several_values(found.trials[path])
    ]
    return Frames(
        studies={name: Study(name=name, knobs=tuple(varied), split=found.split)},
        trials=add_study_column(found.trials, name),
        epochs=add_study_column(found.epochs, name),
        evaluation=add_study_column(
            pd.DataFrame(columns=list(REQUIRED_COLUMNS[EVALUATION_FILE])), name
        ),
        problems=tuple(f"{name}: {note}" for note in found.notes),
    )


def has_several_values(column: Column) -> bool:
    """Return whether there is more than one value; a missing one counts."""
    return bool(column.nunique(dropna=False) > 1)


def load_study(folder: Path, name: str) -> Frames:
    """Return the frames of one results folder."""
    problems: list[str] = []
    description = load_description(folder, problems)
    trials = load_parquet(folder, TRIALS_FILE, problems)
    paths = tuple(list_knob_columns(trials))
    trials = frame_schema.validate_trials(trials, problems)
    epochs = frame_schema.validate_epochs(load_parquet(folder, EPOCHS_FILE, problems), problems)
    evaluation = pd.DataFrame(columns=list(REQUIRED_COLUMNS[EVALUATION_FILE]))
    if (folder / EVALUATION_FILE).exists():
        evaluation = frame_schema.decode_categories(load_parquet(folder, EVALUATION_FILE, problems))
    frames = Frames(
        studies={name: Study(name=name, folder=folder, description=description, knobs=paths)},
        trials=add_study_column(trials, name),
        epochs=add_study_column(epochs, name),
        evaluation=add_study_column(evaluation, name),
    )
    problems = [
        f"{name}: {each}" for each in [*problems, *find_missing_trials(frames, description)]
    ]
    return replace(frames, problems=tuple(problems))


def load_description(folder: Path, problems: list[str]) -> SearchYaml:
    """Return the contents of `search.yaml`; if unreadable, `{}`, with the reason in `problems`."""
    try:
        said = read_search_yaml(folder / SEARCH_FILE)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problems.append(f"{SEARCH_FILE} cannot be read ({error_reason(error)}).")
        return {}
    if said is None:
        problems.append(f"{SEARCH_FILE} is not the description of a study.")
        return {}
    return {**said, "study": said["study"] if isinstance(said.get("study"), dict) else {}}


def load_parquet(folder: Path, file: str, problems: list[str]) -> pd.DataFrame:
    """Return a frame of a folder; if unreadable, an empty one, with the reason in `problems`."""
    empty = pd.DataFrame(columns=list(REQUIRED_COLUMNS[file]))
    if not (folder / file).exists():
        problems.append(f"{file} is missing; a study writes it when its first trial has ended.")
        return empty
    try:
        frame: pd.DataFrame = pyarrow.parquet.read_table(folder / file).to_pandas()
    except Exception as error:  # an arbitrary file can fail in any way
        problems.append(
            f"{file} cannot be read ({error_reason(error)}); resume=auto writes it again."
        )
        return empty
    if lacking := [column for column in REQUIRED_COLUMNS[file] if column not in frame]:
        problems.append(f"{file} has no column {', '.join(lacking)}; it is left out.")
        return empty
    return frame


def error_reason(error: Exception) -> str:
    """Return the first line of an exception's message."""
    return f"{error}".partition("\n")[0] or type(error).__name__


def list_knob_columns(trials: pd.DataFrame) -> Iterator[str]:
    """Yield the knob columns of `trials`: those between the status and the results."""
    columns = list(trials.columns)
    for column in columns[columns.index("status") + 1 :]:
        if column in TRIAL_COLUMNS:
            return
        yield column
