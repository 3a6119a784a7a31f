"""Parquet tables in a results folder to which several processes append rows."""

import fcntl
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import pandas as pd

from trainables.errors import InputError
from tuner.storage.safe_files import write_atomically


@dataclass(frozen=True, kw_only=True)
class KeyedTable:
    """A parquet table of which a lock file guards the writing.

    Attributes:
        file: Its name in a results folder.
        folder: Folder beside it, of what belongs to its rows.
        lock_file: Name of the lock file in that folder.
        columns: Columns and their types.
        newer_columns: Columns that older files lack; NaN in their rows.
    """

    file: str
    folder: str
    lock_file: str
    columns: Mapping[str, str]
    newer_columns: tuple[str, ...] = ()

    def build_frame(self, rows: Sequence[Mapping[str, object]] = ()) -> pd.DataFrame:
        """Return rows as a frame with the types of the columns."""
        names = list(self.columns)
        return pd.DataFrame([dict(row) for row in rows], columns=names).astype(dict(self.columns))

    def read(self, results: Path) -> pd.DataFrame:
        """Return the table of a results folder; empty if there is no file.

        Raises:
            InputError: If the file is corrupt or lacks a column.
        """
        file = results / self.file
        if not file.exists():
            return self.build_frame()
        try:
            frame = pd.read_parquet(file)
        except Exception as error:  # an untrusted file can fail in any way
            reason = str(error).partition("\n")[0]
            raise InputError([
                f"{file} cannot be read ({reason}); move it away to start a new table."
            ]) from None
        required = [name for name in self.columns if name not in self.newer_columns]
        if missing := [name for name in required if name not in frame]:
            raise InputError([f"{file} lacks {missing[0]}; move it away to start a new table."])
        newer = (name for name in self.newer_columns if name not in frame)
        return frame.assign(**dict.fromkeys(newer, math.nan))

    def write(self, results: Path, frame: pd.DataFrame) -> None:
        """Write the table, whole or not at all; hold the lock meanwhile."""
        write_atomically(results / self.file, frame.to_parquet)

    @contextmanager
    def lock(self, results: Path) -> Iterator[None]:
        """Hold the lock of the table, so that no other process appends rows."""
        (results / self.folder).mkdir(parents=True, exist_ok=True)
        with (results / self.folder / self.lock_file).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # the kernel releases it if the process dies
            yield

    def check_writable(self, results: Path) -> None:
        """Create the folders of the table and check that they are writable.

        Raises:
            OSError: If they are not.
        """
        with (
            self.lock(results),
            TemporaryFile(dir=results),
            TemporaryFile(dir=results / self.folder),
        ):
            pass
