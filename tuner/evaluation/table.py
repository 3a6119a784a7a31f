"""`evaluation.parquet`: one row per checkpoint and attack, append-only."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import pandas as pd
from pydantic import Json, TypeAdapter, ValidationError
from scipy.stats import binomtest

from trainables.errors import InputError
from trainables.hparams.ranges import Count, Positive, Seed
from tuner.layout import EVALUATION_FILE
from tuner.storage.atomic import write_atomically

FILE = EVALUATION_FILE
STATE_FOLDER = "evaluation"
"""The folder, among the results, of what interrupted attacks go on from."""
COLUMNS = {
    "checkpoint": "str",
    "trial_id": "str",
    "rule": "str",
    "seed": "Int64",
    "attack": "str",
    "settings": "str",
    "key": "str",
    "weights": "str",
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
}
"""`robust_accuracy` is that of the worst case over `after` and this attack, or, where `alone`, of
this attack; `low` and `high` are its 95 % confidence interval, by Wilson's score. `target_success`
is, of an attack that counts them, the share of those attacked that were taken for the class aimed
at; `weights` is the fingerprint of the network."""

NULLABLE_COLUMNS = ("seed", "target_success")
"""Columns with gaps."""
KEY_COLUMNS = ["key", "rule", "after"]
"""What tells a row from all others."""


@dataclass(frozen=True)
class DataMember:
    """What settings say of a group: the name of its member, and knobs."""

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
    """Return the rows so far.

    Raises:
        InputError: If the file is broken.
    """
    file = folder / FILE
    if not file.exists():
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    try:
        frame = pd.read_parquet(file)
    except Exception as error:  # a stranger's file can fail in any way
        reason = str(error).partition("\n")[0]
        raise InputError([
            f"{file} cannot be read ({reason}); move it away to start anew."
        ]) from None
    if missing := [name for name in COLUMNS if name not in frame]:
        raise InputError([f"{file} lacks {missing[0]}; move it away to start anew."])
    for flaw in check_rows(frame):
        raise InputError([f"{file}: {flaw}; move it away to start anew."])
    return frame


def check_rows(frame: pd.DataFrame) -> Iterator[str]:
    """Yield what is wrong with rows that have all columns."""
    for name, kind in COLUMNS.items():
        try:
            broken = frame[name].astype(kind).isna().any() and name not in NULLABLE_COLUMNS  # type: ignore[call-overload]
        except (ValueError, TypeError) as error:
            yield f"{name} must be {kind} ({error})"
        else:
            if broken:
                yield f"{name} has gaps"
    shared = TypeAdapter(Json[SharedSettings])
    for text in frame["settings"]:
        try:
            shared.validate_python(text)
        except ValidationError:
            wanted = ", ".join(SharedSettings.__annotations__)
            yield f"settings must be JSON with {wanted}, got {text!r}"


def append_row(folder: Path, row: Mapping[str, object]) -> None:
    """Write one more row, or that the checkpoint is also what another rule would take."""
    with lock_table(folder):
        before = read_table(folder)
        same = (before[KEY_COLUMNS] == pd.Series({name: row[name] for name in KEY_COLUMNS})).all(
            axis=1
        )
        if same.any():
            return
        frame = pd.DataFrame([*before.to_dict("records"), dict(row)], columns=list(COLUMNS))
        write_atomically(folder / FILE, frame.astype(COLUMNS).to_parquet)


@contextmanager
def lock_table(folder: Path) -> Iterator[None]:
    """Keep other processes from adding rows while inside."""
    (folder / STATE_FOLDER).mkdir(parents=True, exist_ok=True)
    with (folder / STATE_FOLDER / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # let go by the system at death
        yield


def check_writable(folder: Path) -> None:
    """Make the folders of an evaluation, and see that they can be written to.

    Raises:
        InputError: If they cannot.
    """
    try:
        with (
            lock_table(folder),
            TemporaryFile(dir=folder),
            TemporaryFile(dir=folder / STATE_FOLDER),
        ):
            pass
    except OSError as error:
        raise InputError([
            f"results: expected a folder that can be written to, got {folder} "
            f"({error.strerror}: {error.filename}); evaluate a copy of it elsewhere, or write "
            "results=FOLDER where it is for weights=."
        ]) from None


def wilson_interval(successes: int, number: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson's score interval).

    >>> [round(end, 4) for end in wilson_interval(50, 100)]
    [0.4038, 0.5962]
    """
    found = binomtest(successes, number).proportion_ci(method="wilson")
    return float(found.low), float(found.high)
