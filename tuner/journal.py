"""What happens in a study, written down a line an event.

Whatever kills a study, no more is lost than the line being written.
"""

import json
import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from trainables.patience import Patience
from trainables.problems import InputError
from trainables.report import Report
from tuner.lock import take
from tuner.record import Record

FILE = "journal.jsonl"


class Journal:
    """The events of a study, in a file of its results folder that one process writes at a time.

    Attributes:
        folder: The results folder; paths in the file are relative to it.
    """

    def __init__(self, folder: Path, patience: Patience | None = None) -> None:
        """Open the file.

        Args:
            folder: The results folder.
            patience: How to write while the storage refuses; without, that is raised.

        Raises:
            InputError: If another process is running the study.
        """
        self.folder = folder
        self.patiently = patience or Patience(print, limit=0.0)
        mend(folder / FILE)
        self.file = (folder / FILE).open("ab", buffering=0)
        try:
            take(self.file)
        except OSError:
            self.file.close()
            raise InputError([f"resume: another process is running {folder}."]) from None
        self.whole = (folder / FILE).stat().st_size

    def began(self, record: Record) -> None:
        """Note a new trial."""
        about = {"knobs": record.knobs, "seed": record.seed, "groups": record.groups}
        self.write("began", record.trial_id, about)

    def went_on(self, record: Record, source: str, *, waited: bool) -> None:
        """Note that a trial goes on, with knobs that may have changed.

        Args:
            record: The trial.
            source: The number of the trial whose weights and history it takes over; its own if it
                keeps its own.
            waited: Whether it had waited, rather than been cut off.
        """
        about = {"knobs": record.knobs, "groups": record.groups, "waited": waited}
        about["source"] = source
        self.write("went_on", record.trial_id, about)

    def reported(self, number: str, report: Report) -> None:
        """Note an epoch of the trial of a number."""
        self.write("reported", number, {"report": asdict(report)})

    def kept(self, record: Record) -> None:
        """Note where its files are."""
        paths = {"checkpoint": record.checkpoint, "spare": record.spare}
        about = {key: os.path.relpath(path, self.folder) for key, path in paths.items() if path}
        self.write("kept", record.trial_id, about)

    def lost(self, number: str, text: str) -> None:
        """Note that a checkpoint was broken, and what comes of it."""
        self.write("lost", number, {"text": text})

    def dropped(self, record: Record) -> None:
        """Note that they are deleted."""
        self.write("dropped", record.trial_id, {})

    def ended(self, record: Record) -> None:
        """Note how it ended."""
        self.write("ended", record.trial_id, {"status": record.status, "error": record.error})

    def write(self, event: str, number: str, about: dict[str, Any]) -> None:
        """Write a line and see it onto the disk."""
        line = json.dumps({"event": event, "trial_id": number, **about})
        self.patiently(str(self.folder / FILE), partial(self.append, f"{line}\n".encode()))

    def append(self, line: bytes) -> None:
        """Write a line in place of what an earlier attempt has left of it."""
        self.file.truncate(self.whole)
        left = line
        while left:
            left = left[self.file.write(left) :]  # a disk that fills up takes a part of it
        os.fsync(self.file.fileno())
        self.whole += len(line)

    def close(self) -> None:
        """Let others write."""
        self.file.close()


def mend(file: Path) -> None:
    """Cut off a line that was being written when its process died."""
    if file.exists():
        text = file.read_bytes()
        if text and not text.endswith(b"\n"):
            with file.open("r+b") as opened:
                opened.truncate(text.rfind(b"\n") + 1)
