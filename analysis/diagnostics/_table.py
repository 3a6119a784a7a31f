"""`diagnostics.parquet`: results of measures of checkpoints, one row each, without duplicates."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from trainables.errors import InputError
from tuner.storage.keyed_table import KeyedTable

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
TABLE = KeyedTable(file=TABLE_FILE, folder=PICTURE_FOLDER, lock_file=".lock", columns=COLUMNS)


def read_table(folder: Path) -> pd.DataFrame:
    """Return the rows so far.

    Raises:
        InputError: If the file is corrupt.
    """
    frame = TABLE.read(folder)
    try:
        return frame[list(COLUMNS)].astype(COLUMNS)
    except (ValueError, TypeError) as error:
        raise InputError([
            f"{folder / TABLE_FILE} cannot be read ({error}); move it away to start a new table."
        ]) from None


def append_rows(folder: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the rows of one measurement; they replace earlier rows of the same measurement."""
    new = TABLE.build_frame(rows)
    with TABLE.lock(folder):
        before = read_table(folder)
        same = before[KEY_COLUMNS].eq(new[KEY_COLUMNS].iloc[0]).all(axis=1)
        TABLE.write(folder, pd.concat([before[~same], new], ignore_index=True))


def check_writable(folder: Path) -> Iterator[str]:
    """Yield why rows cannot be added to a results folder."""
    try:
        read_table(folder)
        TABLE.check_writable(folder)
    except InputError as error:
        yield from error.problems
    except OSError as error:
        yield (
            f"{folder}: expected a folder that can be written to ({error.strerror}: "
            f"{error.filename}); use a copy of it elsewhere."
        )
