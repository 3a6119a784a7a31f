"""`diagnostics.parquet`: results of measures of checkpoints, one row each, without duplicates."""

import fcntl
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pandas as pd

from trainables.errors import InputError
from tuner.storage.safe_files import write_atomically

TABLE_FILE = "diagnostics.parquet"
PICTURE_FOLDER = "diagnostics"
"""Of pictures and the numbers behind them."""
COLUMNS = {
    "study": "str",
    "trial_id": "str",
    "rule": "str",
    "checkpoint": "str",
    "measure": "str",
    "quantity": "str",
    "value": "float64",
    "std": "float64",
    "n": "int64",
    "seed": "int64",
    "settings": "str",
    "seconds": "float64",
    "weights": "str",
    "key": "str",
    "date": "str",
}
"""`value` is the mean and `std` the standard deviation over the `n` images that have a value; a
number of all images together has no deviation. Accuracies are fractions. `weights` is the
fingerprint of the network, `key` identifies a measurement."""
KEY_COLUMNS = ["key", "trial_id", "rule"]


def read_table(folder: Path) -> pd.DataFrame:
    """Return the rows so far.

    Raises:
        InputError: If the file is corrupt.
    """
    file = folder / TABLE_FILE
    if not file.exists():
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    try:
        frame = pd.read_parquet(file)
        return frame[list(COLUMNS)].astype(COLUMNS)
    except Exception as error:  # an arbitrary file can fail in any way
        reason = str(error).partition("\n")[0]
        raise InputError([
            f"{file} cannot be read ({reason}); move it away to start anew."
        ]) from None


def append_rows(folder: Path, rows: Sequence[Mapping[Hashable, Any]]) -> None:
    """Write the rows of one measurement, in the place of those of the same one if there are any."""
    new = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    with lock_table(folder):
        before = read_table(folder)
        same = before[KEY_COLUMNS].eq(new[KEY_COLUMNS].iloc[0]).all(axis=1)
        frame = pd.concat([before[~same], new], ignore_index=True)
        write_atomically(folder / TABLE_FILE, frame.to_parquet)


@contextmanager
def lock_table(folder: Path) -> Iterator[None]:
    """Keep other processes from adding rows while inside."""
    (folder / PICTURE_FOLDER).mkdir(exist_ok=True)
    with (folder / PICTURE_FOLDER / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # let go by the system at death
        yield


def check_writable(folder: Path) -> Iterator[str]:
    """Yield why rows cannot be added to a results folder, if they cannot."""
    try:
        read_table(folder)
        with (
            lock_table(folder),
            TemporaryFile(dir=folder),
            TemporaryFile(dir=folder / PICTURE_FOLDER),
        ):
            pass
    except InputError as error:
        yield from error.problems
    except OSError as error:
        yield (
            f"{folder}: expected a folder that can be written to ({error.strerror}: "
            f"{error.filename}); use a copy of it elsewhere."
        )
