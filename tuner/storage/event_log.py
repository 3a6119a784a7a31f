"""The event log of a study: append-only JSON lines.

A crash loses at most the line that is being written.
"""

import json
import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from trainables.errors import InputError
from trainables.io.retry import Retry
from trainables.training.report import Report
from tuner.layout import EVENT_LOG_FILE
from tuner.state.trial import Record
from tuner.storage.lock import acquire_lock


class EventLog:
    """The events of a study, in a file of its results folder that one process writes at a time.

    Attributes:
        folder: The results folder; paths in the file are relative to it.
    """

    def __init__(self, folder: Path, retry: Retry | None = None) -> None:
        """Open the file.

        Args:
            folder: The results folder.
            retry: How to write while the storage refuses; without, that is raised.

        Raises:
            InputError: If another process is running the study.
        """
        self.folder = folder
        self.retry = retry or Retry(print, timeout=0.0)
        trim_partial_line(folder / EVENT_LOG_FILE)
        self.file = (folder / EVENT_LOG_FILE).open("ab", buffering=0)
        try:
            acquire_lock(self.file)
        except OSError:
            self.file.close()
            raise InputError([f"resume: another process is running {folder}."]) from None
        self.valid_size = (folder / EVENT_LOG_FILE).stat().st_size

    def log_start(self, record: Record) -> None:
        """Note a new trial."""
        about = {"knobs": record.knobs, "seed": record.seed, "groups": record.groups}
        self.write_event("began", record.trial_id, about)

    def log_resume(self, record: Record, source: str, *, was_paused: bool) -> None:
        """Log that a trial resumes, with knobs that may have changed.

        Args:
            record: The trial.
            source: The number of the trial whose weights and history it takes over; its own if it
                keeps its own.
            was_paused: Whether it had waited, rather than been cut off.
        """
        about = {"knobs": record.knobs, "groups": record.groups, "waited": was_paused}
        about["source"] = source
        self.write_event("went_on", record.trial_id, about)

    def log_report(self, number: str, report: Report) -> None:
        """Note an epoch of the trial of a number."""
        self.write_event("reported", number, {"report": asdict(report)})

    def log_checkpoint(self, record: Record) -> None:
        """Note where its files are."""
        paths = {"checkpoint": record.checkpoint, "spare": record.previous_checkpoint}
        about = {key: os.path.relpath(path, self.folder) for key, path in paths.items() if path}
        self.write_event("kept", record.trial_id, about)

    def log_checkpoint_loss(self, number: str, text: str) -> None:
        """Log that a checkpoint was corrupt, and the consequence."""
        self.write_event("lost", number, {"text": text})

    def log_checkpoint_deletion(self, record: Record) -> None:
        """Note that they are deleted."""
        self.write_event("dropped", record.trial_id, {})

    def log_end(self, record: Record) -> None:
        """Note how it ended."""
        self.write_event("ended", record.trial_id, {"status": record.status, "error": record.error})

    def write_event(self, event: str, number: str, fields: dict[str, Any]) -> None:
        """Write a line and see it onto the disk."""
        line = json.dumps({"event": event, "trial_id": number, **fields})
        self.retry(
            str(self.folder / EVENT_LOG_FILE), partial(self.append_line, f"{line}\n".encode())
        )

    def append_line(self, line: bytes) -> None:
        """Write a line in place of what an earlier attempt has left of it."""
        self.file.truncate(self.valid_size)
        left = line
        while left:
            left = left[self.file.write(left) :]  # a disk that fills up takes a part of it
        os.fsync(self.file.fileno())
        self.valid_size += len(line)

    def close(self) -> None:
        """Let others write."""
        self.file.close()


def trim_partial_line(file: Path) -> None:
    """Cut off a line that was being written when its process died."""
    if file.exists():
        text = file.read_bytes()
        if text and not text.endswith(b"\n"):
            with file.open("r+b") as opened:
                opened.truncate(text.rfind(b"\n") + 1)
