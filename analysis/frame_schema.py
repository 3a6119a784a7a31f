"""Validate the frames of a study: columns, types, no duplicate rows."""

from collections.abc import Iterator, Mapping
from typing import get_type_hints

import pandas as pd

from trainables.training.report import Report
from tuner.layout import BALANCED_COLUMNS, RAW_COLUMNS, TRIAL_COLUMNS

PANDAS_TYPES = {
    **{int: "int64", int | None: "Int64", bool: "bool"},
    **{float: "float64", float | None: "float64"},
    str: "str",
}
EPOCH_COLUMNS = {"trial_id": "str"} | {
    name: PANDAS_TYPES[kind] for name, kind in get_type_hints(Report).items()
}
"""Columns of `epochs.parquet`, and their types."""
COLUMN_DEFAULTS: dict[str, str | int | bool] = {
    "level": 0,
    "collapsed_at": 0,
    "diverged": False,
    "precision": "",
    "cuda_graph": "",
}
"""Values of columns of epochs that older studies do not have."""
FRAME_KEYS = {"trials": ["trial_id"], "epochs": ["trial_id", "level", "epoch"]}
"""Columns that identify a row."""


def validate_trials(frame: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    """Return a valid `trials` frame; append its errors to `problems`."""
    return validate_frame(frame, TRIAL_COLUMNS, "trials", problems)


def validate_epochs(frame: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    """Return a valid `epochs` frame; append its errors to `problems`."""
    for column, value in COLUMN_DEFAULTS.items():
        frame[column] = frame[column].fillna(value) if column in frame else value
    return validate_frame(frame, EPOCH_COLUMNS, "epochs", problems)


def validate_frame(
    frame: pd.DataFrame, columns: Mapping[str, str], name: str, problems: list[str]
) -> pd.DataFrame:
    """Return a frame with all required columns in their types and no duplicate rows.

    Other columns, for example knobs, stay as they are; only categories become plain values.

    Args:
        frame: As it was read.
        columns: Required columns and their types.
        name: Name of the frame, for messages.
        problems: Problems are appended to it.
    """
    frame = decode_categories(frame)
    optional = {*BALANCED_COLUMNS, *RAW_COLUMNS}
    accuracies = [each for each in columns if each.endswith("accuracy") or each in optional]
    required = [each for each in accuracies if each not in optional]
    absent = [each for each in required if each not in frame]
    if absent and len(frame):
        problems.append(f"{name}: {', '.join(absent)} is missing in all rows.")
    for column, kind in columns.items():
        if column not in frame:
            frame[column] = pd.Series(index=frame.index, dtype=nullable_type(kind))
        elif str(frame[column].dtype) != kind:
            frame[column] = convert_column(frame[column], kind, name, problems)
    identity = FRAME_KEYS[name]
    complete = frame[identity].notna().all(axis=1)
    if not complete.all():
        problems.append(
            f"{name}: left out {(~complete).sum()} rows without {' or '.join(identity)}."
        )
        frame = frame[complete].astype({each: columns[each] for each in identity})
    again = find_repeated_rows(frame[identity])
    if again.any():
        problems.append(
            f"{name}: left out {again.sum()} duplicate rows; the last one of each counts."
        )
        frame = frame[~again]
    known = [each for each in accuracies if each in required or frame[each].notna().any()]
    problems += [f"{name}: {each}" for each in check_accuracies(frame, set(known) - set(absent))]
    possible = frame[accuracies].ge(0) & frame[accuracies].le(1)
    frame[accuracies] = frame[accuracies].where(possible)
    return frame.reset_index(drop=True)


def decode_categories(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with plain values in place of categories, so that frames can be concatenated.

    >>> decode_categories(pd.DataFrame({"x": pd.Categorical([2, 1])}))["x"].dtype
    dtype('int64')
    """
    categories = frame.select_dtypes("category")
    return frame.astype({name: frame[name].cat.categories.dtype for name in categories})


def nullable_type(kind: str) -> str:
    """Return the nullable type of the same values."""
    return {"int64": "Int64", "bool": "boolean"}.get(kind, kind)


def convert_column(column: pd.Series, kind: str, name: str, problems: list[str]) -> pd.Series:
    """Return a column in its type, or the nullable type if values are missing or unreadable."""
    for wanted in (kind, nullable_type(kind)):
        try:
            return pd.Series(column, dtype=wanted)
        except (ValueError, TypeError):
            continue
    numbers = pd.to_numeric(column, errors="coerce")
    unread = int((numbers.isna() & column.notna()).sum())
    problems.append(f"{name}: {column.name} is no number in {unread} rows, and missing there.")
    return pd.Series(numbers if kind == "float64" else numbers.round(), dtype=nullable_type(kind))


def find_repeated_rows(identity: pd.DataFrame) -> pd.Series:
    """Return which rows have the same key as a later row."""
    code = pd.Series(0, index=identity.index)
    for column in identity:
        places, values = pd.factorize(identity[column])
        code = code * max(1, len(values)) + places
    return code.duplicated(keep="last")


def check_accuracies(frame: pd.DataFrame, columns: set[str]) -> Iterator[str]:
    """Yield problems of the accuracies of a frame."""
    for column in sorted(columns):
        found = frame[column]
        if len(found) and found.isna().all():
            yield f"{column} is missing in all rows."
        elif outside := int(((found < 0) | (found > 1)).sum()):
            yield (
                f"{column} lies outside [0, 1] in {outside} of {len(found)} rows, and is missing "
                "there."
            )
