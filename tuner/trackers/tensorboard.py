"""TensorBoard: event files in `tensorboard`, one run per trial, with its knobs as HParams."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.summary import hparams

FLUSH_SECONDS = 10.0
"""Minimum seconds between two flushes, which block the driver; epochs may be shorter."""
HPARAM_METRICS = ("val_clean_accuracy", "val_robust_accuracy")
"""Metrics shown on the HParams page."""


def build(*, folder: Path) -> "TensorBoardTracker":
    """Return the writer of a study's event files.

    Args:
        folder: The results folder.
    """
    return TensorBoardTracker(folder / "tensorboard")


class TensorBoardTracker:
    """A folder of runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, trial: str, knobs: Mapping[str, object]) -> "TensorBoardRun":
        """Return a new run of a trial, in place of an earlier one."""
        shutil.rmtree(self.folder / trial, ignore_errors=True)
        return TensorBoardRun(self.folder / trial, knobs)


class TensorBoardRun:
    """The event file of one trial, without the thread and the queue of a `SummaryWriter`."""

    def __init__(self, folder: Path, knobs: Mapping[str, object]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = EventsWriter(str(folder / "events"))
        self.last_flush = -FLUSH_SECONDS
        plain = {path: hparam_value(value) for path, value in knobs.items()}
        experiment, start, self.end_summary = hparams(plain, dict.fromkeys(HPARAM_METRICS))
        self.write_summary(experiment)
        self.write_summary(start)

    def write_summary(self, summary: Summary, step: int | None = None) -> None:
        """Write an event."""
        self.file.write_event(Event(wall_time=time.time(), step=step, summary=summary))

    def report(self, step: int, values: Mapping[str, float]) -> None:
        """Write an epoch."""
        summaries = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self.write_summary(Summary(value=summaries), step)
        if time.monotonic() - self.last_flush >= FLUSH_SECONDS:
            self.file.flush()
            self.last_flush = time.monotonic()

    def end(self, *, failed: bool) -> None:
        """Close the file; only a trial that did not fail is marked as a success."""
        if not failed:
            self.write_summary(self.end_summary)
        self.file.close()


def hparam_value(value: object) -> object:
    """Return a knob's value for TensorBoard: lists become text; `None` stays and is left out.

    >>> hparam_value(0.1), hparam_value([1, 2])
    (0.1, '[1, 2]')
    """
    return value if isinstance(value, str | bool | int | float | None) else str(value)
