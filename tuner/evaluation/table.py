"""`evaluation.parquet`: one row per checkpoint and attack, append-only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import Json, TypeAdapter, ValidationError
from scipy.stats import binomtest

from trainables.errors import InputError
from trainables.hparams.ranges import Count, Positive, Seed
from tuner.layout import EVALUATION_FILE
from tuner.storage.keyed_table import KeyedTable

FILE = EVALUATION_FILE
STATE_FOLDER = "evaluation"
"""Folder in the results folder of the saved attack states, from which an attack resumes."""
COLUMNS = {
    "checkpoint": "str",
    "trial_id": "str",
    "rule": "str",
    "seed": "Int64",
    "attack": "str",
    "settings": "str",
    "key": "str",
    "weights": "str",
    "normalization": "str",
    "norm": "str",
    "eps": "float64",
    "n": "int64",
    "clean_accuracy": "float64",
    "attacked": "int64",
    "fooled": "int64",
    "target_success": "float64",
    "robust_accuracy": "float64",
    "low": "float64",
    "high": "float64",
    "alone": "bool",
    "after": "str",
    "rejected": "int64",
    "audit": "str",
    "seconds": "float64",
    "date": "str",
    "balanced_clean_accuracy": "float64",
    "balanced_robust_accuracy": "float64",
}
"""Columns and their types.

`robust_accuracy` is that of the worst case over the attacks in `after` and this one, or of this
attack alone where `alone` is true; `low` and `high` bound its 95 % Wilson score interval. `fooled`
counts the misclassified images. `target_success`, of targeted attacks that count it, is the share
of the attacked images that were classified as the target class. `weights` is the fingerprint of
the network; `normalization` says how it normalises images, and where that comes from. The balanced
accuracies are means over classes.
"""

NEWER_COLUMNS = ("normalization", "balanced_clean_accuracy", "balanced_robust_accuracy")
"""Columns that tables of earlier versions lack."""
NULLABLE_COLUMNS = ("seed", "target_success", *NEWER_COLUMNS)
"""Columns that may hold missing values."""
KEY_COLUMNS = ["key", "rule", "after"]
"""Columns that identify a row."""
TABLE = KeyedTable(
    file=FILE,
    folder=STATE_FOLDER,
    lock_file="lock",
    columns=COLUMNS,
    newer_columns=NEWER_COLUMNS,
)


@dataclass(frozen=True)
class DataMember:
    """The member of a group in the settings of a row; it may hold knobs too."""

    name: str


@dataclass(frozen=True)
class SharedSettings:
    """Settings of an attack that all attacks of one evaluation share."""

    norm: str
    eps: Positive
    data: DataMember
    images: Count
    seed: Seed
    precision: str


def read_table(folder: Path) -> pd.DataFrame:
    """Return the table; empty if there is no file.

    Raises:
        InputError: If the file is corrupt.
    """
    frame = TABLE.read(folder)
    for flaw in check_rows(frame):
        raise InputError([f"{folder / FILE}: {flaw}; move it away to start a new table."])
    return frame


def check_rows(frame: pd.DataFrame) -> Iterator[str]:
    """Yield the problems of a table that has all columns."""
    for name, kind in COLUMNS.items():
        try:
            has_gaps = frame[name].astype(kind).isna().any() and name not in NULLABLE_COLUMNS  # type: ignore[call-overload]
        except (ValueError, TypeError) as error:
            yield f"{name} must be {kind} ({error})"
        else:
            if has_gaps:
                yield f"{name} has gaps"
    shared = TypeAdapter(Json[SharedSettings])
    for text in frame["settings"]:
        try:
            shared.validate_python(text)
        except ValidationError:
            wanted = ", ".join(SharedSettings.__annotations__)
            yield f"settings must be JSON with {wanted}, got {text!r}"


def append_row(folder: Path, row: Mapping[str, object]) -> None:
    """Append a row unless the table has one with the same `KEY_COLUMNS`."""
    with TABLE.lock(folder):
        existing = read_table(folder)
        key = pd.Series({name: row[name] for name in KEY_COLUMNS})
        if not (existing[KEY_COLUMNS] == key).all(axis=1).any():
            rows = pd.concat([existing[list(COLUMNS)], TABLE.build_frame([row])], ignore_index=True)
            TABLE.write(folder, rows.astype(COLUMNS))


def check_writable(folder: Path) -> None:
    """Create the folders of an evaluation and check that they are writable.

    Raises:
        InputError: If they are not.
    """
    try:
        TABLE.check_writable(folder)
    except OSError as error:
        raise InputError([
            f"results: expected a folder that can be written to, got {folder} "
            f"({error.strerror}: {error.filename}); evaluate a copy of it elsewhere, or, "
            "with weights=, write results=FOLDER."
        ]) from None


def wilson_interval(successes: int, number: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson's score interval).

    >>> [round(end, 4) for end in wilson_interval(50, 100)]
    [0.4038, 0.5962]
    """
    interval = binomtest(successes, number).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
