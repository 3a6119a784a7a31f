"""The frames of one or several studies: `load(FOLDER, ...)`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet
import yaml
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from analysis import contract
from trainables import study_file
from trainables.problems import InputError
from trainables.ranges import in_full
from tuner import logs
from tuner.columns import TRIAL_COLUMNS
from tuner.working_copy import here

STUDY, TRIALS, EPOCHS, EVALUATION = (
    *(study_file.FILE, "trials.parquet", "epochs.parquet"),
    "evaluation.parquet",
)
IDENTITY = ["study", "trial_id"]
"""What tells a trial from all others; the first columns of every frame."""
NEEDED = {
    TRIALS: ("trial_id", "status", "val_robust_accuracy"),
    EPOCHS: ("trial_id", "epoch"),
    EVALUATION: ("trial_id", "attack"),
}
"""Columns without which a file is none of a study's."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a study says of itself.

    Attributes:
        name: What it is called in the frames: its folder's name.
        folder: Where it lies; none for runs that were read from logs.
        said: `search.yaml`; empty for runs that were read from logs.
        knobs: Columns of `trials` that tell its trials apart.
    """

    name: str
    folder: Path | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    knobs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Frames:
    """What studies left behind.

    Attributes:
        studies: By name, in the order that they were asked for.
        trials: A row a trial that has ended: `study`, `trial_id`, `status`, knobs by path (missing
            where a study does not have one), accuracies as fractions in [0, 1].
        epochs: A row a trial, level and epoch: `study`, `trial_id` and the fields of its reports.
        evaluation: A row a checkpoint and attack; empty before `tuner.evaluate`.
        problems: What could not be read, or is not there, one line each.
    """

    studies: Mapping[str, Study]
    trials: pd.DataFrame
    epochs: pd.DataFrame
    evaluation: pd.DataFrame
    problems: tuple[str, ...] = ()

    @property
    def knobs(self) -> list[str]:
        """Columns of `trials` that tell trials apart in any of the studies."""
        return list(dict.fromkeys(path for each in self.studies.values() for path in each.knobs))


def load(*folders: Path | str) -> Frames:
    """Return the frames of one or several results folders, or of other people's logs.

    What is broken is left out and named in `problems`; a study that still runs is read as far as it
    has come.

    Args:
        folders: As `tuner.search` wrote them, or their addresses, such as
            s3://bucket/studies/NAME; or what `tuner.logs.read` reads: a table of logs, a log, a
            folder of logs. At least one.

    Raises:
        InputError: If none is given, or in none of them is a study, with the reason for each.
    """
    if not folders:
        raise InputError(["FOLDER: expected at least one results folder, got none."])
    named = names([here(folder) for folder in folders])
    found: list[Frames] = []
    refused: list[str] = []
    for name, folder in named.items():
        try:
            found.append(read(folder, name))
        except InputError as error:
            refused += error.each
        except OSError as error:
            refused.append(f"{folder}: cannot be read ({reason(error)}).")
    if not found:
        raise InputError(refused)
    return joined(found, refused)


def names(folders: Sequence[Path]) -> dict[str, Path]:
    """Return folders by what they are called, with as much of the path as tells them apart."""
    whole = list(dict.fromkeys(map(in_full, folders)))
    depth = next(
        depth
        for depth in range(1, 2 + max(len(path.parts) for path in whole))
        if len({path.parts[-depth:] for path in whole}) == len(whole)
    )
    return {str(Path(*path.parts[-depth:])): path for path in whole}


def read(folder: Path, name: str) -> Frames:
    """Return the frames of one results folder, or of logs.

    Raises:
        InputError: If it is neither.
    """
    if not folder.exists():
        raise InputError([f"{folder}: there is no such folder; write a results folder."])
    if folder.is_file():
        return of_logs(folder, name)
    if not (folder / STUDY).is_file():
        if any(folder.rglob("*.log")):
            return of_logs(folder, name)
        raise InputError([
            f"{folder}: expected a results folder of tuner.search, found no {STUDY} in it."
        ])
    return of_study(folder, name)


def of_logs(path: Path, name: str) -> Frames:
    """Return the frames of runs that others logged."""
    found = logs.read(path)
    several = len(found.trials) > 1
    varied = [path for path in knobs(found.trials) if not several or differ(found.trials[path])]
    return Frames(
        studies={name: Study(name=name, knobs=tuple(varied))},
        trials=named(found.trials, name),
        epochs=named(found.epochs, name),
        evaluation=named(pd.DataFrame(columns=list(NEEDED[EVALUATION])), name),
        problems=tuple(f"{name}: {note}" for note in found.notes),
    )


def differ(column: "pd.Series[Any]") -> bool:
    """Return whether there is more than one value, a missing one among them."""
    return bool(column.nunique(dropna=False) > 1)


def of_study(folder: Path, name: str) -> Frames:
    """Return the frames of one results folder."""
    problems: list[str] = []
    said = settings(folder, problems)
    trials = parquet(folder, TRIALS, problems)
    paths = tuple(knobs(trials))
    trials = contract.trials(trials, problems)
    epochs = contract.epochs(parquet(folder, EPOCHS, problems), problems)
    evaluation = pd.DataFrame(columns=list(NEEDED[EVALUATION]))
    if (folder / EVALUATION).exists():
        evaluation = contract.plain(parquet(folder, EVALUATION, problems))
    frames = Frames(
        studies={name: Study(name=name, folder=folder, said=said, knobs=paths)},
        trials=named(trials, name),
        epochs=named(epochs, name),
        evaluation=named(evaluation, name),
    )
    problems = [f"{name}: {each}" for each in [*problems, *gaps(frames, said)]]
    return replace(frames, problems=tuple(problems))


def settings(folder: Path, problems: list[str]) -> Mapping[str, Any]:
    """Return what `search.yaml` says; nothing, and a problem more, if it cannot be read."""
    try:
        said = study_file.read(folder / STUDY)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problems.append(f"{STUDY} cannot be read ({reason(error)}).")
        return {}
    if not isinstance(said, dict):
        problems.append(f"{STUDY} is no search.yaml of a study.")
        return {}
    return {**said, "study": said["study"] if isinstance(said.get("study"), dict) else {}}


def parquet(folder: Path, file: str, problems: list[str]) -> pd.DataFrame:
    """Return a frame of a folder; an empty one, and a problem more, if it cannot be read."""
    empty = pd.DataFrame(columns=list(NEEDED[file]))
    if not (folder / file).exists():
        problems.append(f"{file} is missing; a study writes it when its first trial has ended.")
        return empty
    try:
        frame: pd.DataFrame = pyarrow.parquet.read_table(folder / file).to_pandas()
    except Exception as error:  # a stranger's file can fail in any way
        problems.append(f"{file} cannot be read ({reason(error)}); resume=auto writes it again.")
        return empty
    if lacking := [column for column in NEEDED[file] if column not in frame]:
        problems.append(f"{file} has no column {', '.join(lacking)}; it is left out.")
        return empty
    return frame


def reason(error: Exception) -> str:
    """Return the first line of what an exception says."""
    return f"{error}".partition("\n")[0] or type(error).__name__


def named(frame: pd.DataFrame, study: str) -> pd.DataFrame:
    """Return a frame with the study's name in front."""
    column = pd.Series(study, index=frame.index, dtype=pd.CategoricalDtype([study]))
    rest = frame.drop(columns="study", errors="ignore")
    rest.insert(0, "study", column)
    return rest


def knobs(trials: pd.DataFrame) -> Iterator[str]:
    """Yield the columns of `trials` that tell trials apart: what stands after the status."""
    columns = list(trials.columns)
    for column in columns[columns.index("status") + 1 :]:
        if column in TRIAL_COLUMNS:
            return
        yield column


def gaps(frames: Frames, said: Mapping[str, Any]) -> Iterator[str]:
    """Yield what trials are missing or came to nothing, counted and named."""
    ended, reported = (set(frame["trial_id"].unique()) for frame in (frames.trials, frames.epochs))
    if running := sorted(reported - ended):
        yield f"{counted(running)} still running, or cut off."
    status = frames.trials.set_index("trial_id")["status"]
    failed = sorted(status.index[status == "failed"])
    if silent := sorted(ended - reported - set(failed)):
        yield f"{counted(silent)} without any epoch."
    if failed:
        yield f"{counted(failed)} failed."
    lost = frames.epochs.loc[frames.epochs["val_robust_accuracy"].isna(), "trial_id"]
    if len(lost) and len(lost) < len(frames.epochs):
        of = counted(list(lost.unique()))
        yield f"val_robust_accuracy is missing in {len(lost)} epochs of {of}."
    asked = said.get("study", {}).get("trials")
    begun = {str(each).partition("s")[0] for each in ended | reported}
    if isinstance(asked, int) and len(begun) < asked:
        yield f"{len(begun)} of {asked} trials have begun."


def counted(trials: Sequence[str], most: int = 5) -> str:
    """Return how many trials, and which, the first few by name.

    >>> counted(["0003"]), counted(["a", "b", "c"], most=2)
    ('1 trial (0003)', '3 trials (a, b, ...)')
    """
    shown = ", ".join([*trials[:most], *["..."][: len(trials) > most]])
    return f"{len(trials)} trial{'s' * (len(trials) != 1)} ({shown})"


def joined(each: Sequence[Frames], refused: Sequence[str] = ()) -> Frames:
    """Return the frames of several studies as one.

    Args:
        each: At least one.
        refused: What else to put under `problems`, first.
    """
    problems = [*refused, *(problem for one in each for problem in one.problems)]
    parts = [[getattr(one, name) for one in each] for name in ("trials", "epochs", "evaluation")]
    trials, epochs, evaluation = (stacked(part, problems) for part in parts)
    return Frames(
        studies={name: study for one in each for name, study in one.studies.items()},
        trials=trials,
        epochs=epochs,
        evaluation=evaluation,
        problems=tuple(problems),
    )


def stacked(some: Sequence[pd.DataFrame], problems: list[str]) -> pd.DataFrame:
    """Return frames one below the other; a column that one lacks is missing there.

    A column that holds numbers in one and words in another holds words in all of them.
    """
    if len(some) == 1:
        return some[0]
    studies = [name for frame in some for name in frame["study"].cat.categories]
    filled = [frame for frame in some if len(frame)] or list(some[:1])
    words = [column for column in shared(filled) if len(kinds(filled, column)) > 1]
    if words:
        problems.append(f"{', '.join(words)}: numbers in one study and words in another; as words.")
    rows = [
        frame.assign(study=frame["study"].cat.set_categories(studies)).astype(
            dict.fromkeys(set(words) & set(frame), "str")
        )
        for frame in filled
    ]
    return pd.concat(rows, ignore_index=True)


def shared(some: Sequence[pd.DataFrame]) -> list[str]:
    """Return the columns that more than one frame has."""
    count = Counter(str(column) for frame in some for column in frame)
    return [column for column, frames in count.items() if frames > 1]


def kinds(some: Sequence[pd.DataFrame], column: str) -> set[str]:
    """Return what the frames hold that have anything in a column: "numbers", "words", or both."""
    found = [frame[column] for frame in some if column in frame and frame[column].notna().any()]
    return {
        "numbers" if is_numeric_dtype(each) and not is_bool_dtype(each) else "words"
        for each in found
        if not isinstance(each.dtype, pd.CategoricalDtype)
    }
