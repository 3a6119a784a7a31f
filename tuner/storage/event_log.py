"""The event log of a study: append-only JSON lines.

A crash loses at most the line that is being written.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

from trainables.errors import InputError
from trainables.io.retry import Retry
from trainables.training.report import Report
from tuner.layout import EVENT_LOG_FILE
from tuner.state.trial import Record
from tuner.storage.safe_files import acquire_lock


class EventLog:
    """The events of a study, in a file of its results folder that a single process writes.

    Attributes:
        folder: The results folder; paths in the file are relative to it.
    """

    def __init__(self, folder: Path, retry: Retry | None = None) -> None:
        """Open and lock the file.

        Args:
            folder: The results folder.
            retry: Repeats failed writes; `None`: the first failure is raised.

        Raises:
            InputError: If another process is running the study.
        """
        self.folder = folder
        self.retry = retry or Retry(print, timeout=0.0)
        self.file = (folder / EVENT_LOG_FILE).open("ab", buffering=0)
        try:
            acquire_lock(self.file)
        except OSError:
            self.file.close()
            raise InputError([describe_running(folder)]) from None
        trim_partial_line(folder / EVENT_LOG_FILE)  # locked: no other process writes it
        self.valid_size = (folder / EVENT_LOG_FILE).stat().st_size

    def log_start(self, record: Record) -> None:
        """Log a new trial."""
        fields = {"knobs": record.knobs, "seed": record.seed, "groups": record.groups}
        self.write_event("began", record.trial_id, fields)

    def log_resume(self, record: Record, source: str, *, was_paused: bool) -> None:
        """Log that a trial resumes, with knobs that may have changed.

        Args:
            record: The trial, with the checkpoint that it resumes from.
            source: The number of the trial whose weights and history it takes over; its own number
                if it keeps them.
            was_paused: Whether the scheduler had paused it; otherwise it was interrupted.
        """
        fields: dict[str, object] = {"knobs": record.knobs, "groups": record.groups}
        fields |= {"waited": was_paused, "source": source}
        for key, path in checkpoint_paths(record).items():
            fields[key] = os.path.relpath(path, self.folder) if path else ""
        self.write_event("went_on", record.trial_id, fields)

    def log_report(self, number: str, report: Report) -> None:
        """Log an epoch of the trial with this number."""
        self.write_event("reported", number, {"report": asdict(report)})

    def log_checkpoint(self, record: Record) -> None:
        """Log where the checkpoints of a trial are."""
        paths = checkpoint_paths(record).items()
        fields = {key: os.path.relpath(path, self.folder) for key, path in paths if path}
        self.write_event("kept", record.trial_id, fields)

    def log_checkpoint_loss(self, number: str, text: str) -> None:
        """Log that a checkpoint was corrupt, and the consequence."""
        self.write_event("lost", number, {"text": text})

    def log_checkpoint_deletion(self, record: Record) -> None:
        """Log that the checkpoints of a trial are deleted."""
        self.write_event("dropped", record.trial_id, {})

    def log_end(self, record: Record) -> None:
        """Log how a trial ended."""
        self.write_event("ended", record.trial_id, {"status": record.status, "error": record.error})

    def write_event(self, event: str, number: str, fields: Mapping[str, object]) -> None:
        """Append an event and flush it to the disk."""
        line = json.dumps({"event": event, "trial_id": number, **fields})
        self.retry(
            str(self.folder / EVENT_LOG_FILE), partial(self.append_line, f"{line}\n".encode())
        )

    def append_line(self, line: bytes) -> None:
        """Append a line, over what a failed attempt may have written of it."""
        self.file.truncate(self.valid_size)
        remaining = line
        while remaining:  # a disk that fills up takes only a part
            remaining = remaining[self.file.write(remaining) :]
        os.fsync(self.file.fileno())
        self.valid_size += len(line)

    def close(self) -> None:
        """Close the file and release its lock."""
        self.file.close()


def describe_running(folder: Path) -> str:
    """Return why a study that another process is running cannot be resumed."""
    return (
        f"resume: {folder} is running in another process; wait until it ends or end it, or choose "
        "another name=NAME."
    )


def checkpoint_paths(record: Record) -> dict[str, str]:
    """Return the paths of the checkpoints of a trial by their keys in events."""
    return {"checkpoint": record.checkpoint, "spare": record.previous_checkpoint}


def trim_partial_line(file: Path) -> None:
    """Cut off an unfinished last line, left by a process that died while writing."""
    if file.exists():
        text = file.read_bytes()
        if text and not text.endswith(b"\n"):
            with file.open("r+b") as opened:
                opened.truncate(text.rfind(b"\n") + 1)
