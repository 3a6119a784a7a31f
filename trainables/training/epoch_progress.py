"""Progress within an epoch, from the process of a trial to that of its study, by a small file.

Ray reports whole epochs only. A machine that does not see the folder of the study writes no file,
and the study then shows whole epochs.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

WRITE_SECONDS = 2.0
"""Minimum seconds between two writes."""

Position = tuple[int, float]
"""Index of a run in a trial, and the epochs that it has trained, with the share of the current."""


@dataclass
class ProgressWriter:
    """Writes where a trial is, at most every `WRITE_SECONDS`.

    Attributes:
        file: The file.
        written_at: Time of the last write on the monotonic clock.
    """

    file: Path
    written_at: float = -WRITE_SECONDS

    def __call__(self, level: int, epochs: float) -> None:
        """Note the position; no values of tensors are read, so that a GPU is not waited for."""
        now = time.monotonic()
        if now - self.written_at >= WRITE_SECONDS:
            self.written_at = now
            with suppress(OSError):
                self.file.write_text(f"{level} {epochs:.4f}")


@dataclass
class ProgressReader:
    """Reads where trials are.

    Attributes:
        folder: The folder of their files.
        last_read: The last position of each trial, in case its file is being written.
    """

    folder: Path
    last_read: dict[str, Position] = field(default_factory=dict)

    def __call__(self, number: str) -> Position | None:
        """Return the position of a trial; `None`: it has written none."""
        with suppress(OSError, ValueError):
            level, epochs = (self.folder / number).read_text().split()
            self.last_read[number] = int(level), float(epochs)
        return self.last_read.get(number)
