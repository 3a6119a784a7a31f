"""The frames of one or several studies: `load(FOLDER, ...)`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet
import yaml
from pyarrow import ArrowException

from trainables.problems import InputError

STUDY, TRIALS, EPOCHS, EVALUATION = (
    *("search.yaml", "trials.parquet", "epochs.parquet"),
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
    """Return the frames of one or several results folders.

    What is broken is left out and named in `problems`; a study that still runs is read as far as it
    has come.

    Args:
        folders: As `tuner.search` wrote them; at least one.

    Raises:
        InputError: If none is given, or in none of them is a study, with the reason for each.
    """
    if not folders:
        raise InputError(["FOLDER: expected at least one results folder, got none."])
    named = names([Path(folder) for folder in folders])
    found: list[Frames] = []
    refused: list[str] = []
    for name, folder in named.items():
        try:
            found.append(read(folder, name))
        except InputError as error:
            refused += error.each
    if not found:
        raise InputError(refused)
    return joined(found, refused)


def names(folders: Sequence[Path]) -> dict[str, Path]:
    """Return folders by what they are called, with as much of the path as tells them apart."""
    whole = list(dict.fromkeys(folder.expanduser().resolve() for folder in folders))
    depth = next(
        depth
        for depth in range(1, 2 + max(len(path.parts) for path in whole))
        if len({path.parts[-depth:] for path in whole}) == len(whole)
    )
    return {str(Path(*path.parts[-depth:])): path for path in whole}


def read(folder: Path, name: str) -> Frames:
    """Return the frames of one results folder.

    Raises:
        InputError: If it is none.
    """
    if not folder.is_dir():
        raise InputError([f"{folder}: there is no such folder; write a results folder."])
    if not (folder / STUDY).is_file():
        raise InputError([
            f"{folder}: expected a results folder of tuner.search, found no {STUDY} in it."
        ])
    problems: list[str] = []
    said = settings(folder, problems)
    trials, epochs = (parquet(folder, file, problems) for file in (TRIALS, EPOCHS))
    evaluation = pd.DataFrame(columns=list(NEEDED[EVALUATION]))
    if (folder / EVALUATION).exists():
        evaluation = parquet(folder, EVALUATION, problems)
    study = Study(name=name, folder=folder, said=said, knobs=tuple(knobs(trials)))
    frames = Frames(
        studies={name: study},
        trials=named(trials, name),
        epochs=named(epochs, name),
        evaluation=named(evaluation, name),
    )
    problems = [f"{name}: {each}" for each in [*problems, *gaps(frames, said)]]
    return Frames(**{**vars(frames), "problems": tuple(problems)})


def settings(folder: Path, problems: list[str]) -> Mapping[str, Any]:
    """Return what `search.yaml` says; nothing, and a problem more, if it cannot be read."""
    try:
        said = yaml.safe_load((folder / STUDY).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problems.append(f"{STUDY} cannot be read ({reason(error)}).")
        return {}
    if not isinstance(said, dict):
        problems.append(f"{STUDY} is no search.yaml of a study.")
        return {}
    return said


def parquet(folder: Path, file: str, problems: list[str]) -> pd.DataFrame:
    """Return a frame of a folder; an empty one, and a problem more, if it cannot be read."""
    empty = pd.DataFrame(columns=list(NEEDED[file]))
    if not (folder / file).exists():
        problems.append(f"{file} is missing; a study writes it when its first trial has ended.")
        return empty
    try:
        frame: pd.DataFrame = pyarrow.parquet.read_table(folder / file).to_pandas()
    except (OSError, ArrowException) as error:
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
    after = columns[columns.index("status") + 1 :]
    for column in after:
        if column == "best_epoch":
            return
        yield column


def gaps(frames: Frames, said: Mapping[str, Any]) -> Iterator[str]:
    """Yield what trials are missing or came to nothing, counted and named."""
    ended, reported = set(frames.trials["trial_id"]), set(frames.epochs["trial_id"])
    if running := sorted(reported - ended):
        yield f"{counted(running)} still running, or cut off."
    if silent := sorted(ended - reported):
        yield f"{counted(silent)} without any epoch."
    failed = frames.trials.loc[frames.trials["status"] == "failed", "trial_id"]
    if len(failed):
        yield f"{counted(sorted(failed))} failed."
    asked = said.get("study", {}).get("trials")
    begun = {str(each).partition("s")[0] for each in ended | reported}
    if asked and len(begun) < asked:
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
    parts: dict[str, Any] = {
        name: stacked([getattr(one, name) for one in each])
        for name in ("trials", "epochs", "evaluation")
    }
    return Frames(
        studies={name: study for one in each for name, study in one.studies.items()},
        problems=(*refused, *(problem for one in each for problem in one.problems)),
        **parts,
    )


def stacked(some: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return frames one below the other; a column that one lacks is missing there."""
    if len(some) == 1:
        return some[0]
    studies = [name for frame in some for name in frame["study"].cat.categories]
    filled = [frame for frame in some if len(frame)] or list(some[:1])
    rows = [frame.assign(study=frame["study"].cat.set_categories(studies)) for frame in filled]
    return pd.concat(rows, ignore_index=True)
