"""Results of one or several studies as pandas frames."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from tuner.storage.search_yaml import SearchYaml

Column: TypeAlias = "pd.Series[Any]"
"""A column of a frame, whose values can be of any type."""
TRIAL_KEYS = ["study", "trial_id"]
"""Columns that identify a trial; the first columns of every frame."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study and its description.

    Attributes:
        name: Its name in the frames: the folder's name.
        folder: Results folder; `None` for runs read from external logs.
        description: Contents of `search.yaml`; empty for runs read from external logs.
        knobs: Columns of `trials` that differ between its trials.
        split: Split of its accuracies, "validation" or, in some external logs, "test".
    """

    name: str
    folder: Path | None = None
    description: SearchYaml = field(default_factory=SearchYaml)
    knobs: tuple[str, ...] = ()
    split: str = "validation"


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Results of one or several studies.

    Attributes:
        studies: Studies by name, in the order in which they were loaded.
        trials: A row a trial that has ended: `study`, `trial_id`, `status`, knobs by path (missing
            where a study does not have one), accuracies as fractions in [0, 1].
        epochs: A row a trial, level and epoch: `study`, `trial_id` and the fields of its reports.
        evaluation: A row a checkpoint and attack; empty before `tuner.evaluate`.
        problems: Unreadable or missing data, one line each.
    """

    studies: Mapping[str, Study]
    trials: pd.DataFrame
    epochs: pd.DataFrame
    evaluation: pd.DataFrame
    problems: tuple[str, ...] = ()

    @property
    def knobs(self) -> list[str]:
        """Columns of `trials` that are knobs in any of the studies."""
        return list(dict.fromkeys(path for each in self.studies.values() for path in each.knobs))


def add_study_column(frame: pd.DataFrame, study: str) -> pd.DataFrame:
    """Return a frame with the study's name in front."""
    column = pd.Series(study, index=frame.index, dtype=pd.CategoricalDtype([study]))
    rest = frame.drop(columns="study", errors="ignore")
    rest.insert(0, "study", column)
    return rest


def join_frames(each: Sequence[Frames], extra_problems: Sequence[str] = ()) -> Frames:
    """Return the frames of several studies as one.

    Args:
        each: At least one.
        extra_problems: Problems to put under `problems`, first.
    """
    problems = [*extra_problems, *(problem for one in each for problem in one.problems)]
    parts = [[getattr(one, name) for one in each] for name in ("trials", "epochs", "evaluation")]
    trials, epochs, evaluation = (stack_frames(part, problems) for part in parts)
    return Frames(
        studies={name: study for one in each for name, study in one.studies.items()},
        trials=trials,
        epochs=epochs,
        evaluation=evaluation,
        problems=tuple(problems),
    )


def stack_frames(some: Sequence[pd.DataFrame], problems: list[str]) -> pd.DataFrame:
    """Return the concatenation of frames; columns that a frame lacks have missing values.

    A column of numbers in one and of text in another becomes text in all of them.
    """
    if len(some) == 1:
        return some[0]
    studies = [name for frame in some for name in frame["study"].cat.categories]
    filled = [frame for frame in some if len(frame)] or list(some[:1])
    words = [
        column
        for column in find_shared_columns(filled)
        if len(find_value_kinds(filled, column)) > 1
    ]
    if words:
        problems.append(f"{', '.join(words)}: numbers in one study and words in another; as words.")
    rows = [
        frame.assign(study=frame["study"].cat.set_categories(studies)).astype(
            dict.fromkeys(set(words) & set(frame), "str")
        )
        for frame in filled
    ]
    return pd.concat(rows, ignore_index=True)


def find_shared_columns(some: Sequence[pd.DataFrame]) -> list[str]:
    """Return the columns that more than one frame has."""
    count = Counter(str(column) for frame in some for column in frame)
    return [column for column, frames in count.items() if frames > 1]


def find_value_kinds(some: Sequence[pd.DataFrame], column: str) -> set[str]:
    """Return the kinds of values in a column over all frames: "numbers", "words", or both."""
    found = [frame[column] for frame in some if column in frame and frame[column].notna().any()]
    return {
        "numbers" if is_numeric_dtype(each) and not is_bool_dtype(each) else "words"
        for each in found
        if not isinstance(each.dtype, pd.CategoricalDtype)
    }


def read_fixed_knobs(study: Study, variant: str = "") -> dict[str, object]:
    """Return what `search.yaml` fixes, path to value; a group's member stands under the group."""
    description: Mapping[str, object] = study.description
    if variant:
        description = as_mapping(as_mapping(description.get("variants")).get(variant))
    return {
        group if knob == "name" else f"{group}.{knob}": value
        for group, knobs in as_mapping(description.get("fixed")).items()
        for knob, value in as_mapping(knobs).items()
    }


def as_mapping(value: object) -> Mapping[str, object]:
    """Return a value if it is a mapping, or an empty mapping."""
    return value if isinstance(value, Mapping) else {}


def list_fixed_knobs(frames: Frames) -> list[dict[str, object]]:
    """Return the fixed knobs of each trial."""
    variants = frames.trials.get("variant", pd.Series("", index=frames.trials.index))
    pairs = list(zip(frames.trials["study"], variants.fillna("").astype(str), strict=True))
    fixed = {pair: read_fixed_knobs(frames.studies[pair[0]], pair[1]) for pair in set(pairs)}
    return [fixed[pair] for pair in pairs]


def get_knob_values(frames: Frames, path: str) -> Column:
    """Return the value of a knob or group for each trial, whether it was searched or fixed."""
    fixed = [knobs.get(path) for knobs in list_fixed_knobs(frames)]
    values = pd.Series(fixed, index=frames.trials.index, dtype=object)
    if path not in frames.trials:
        return values
    own = frames.trials[path].astype(object)
    return own.where(own.notna(), values)
