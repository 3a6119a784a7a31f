"""TensorBoard: event files in `tensorboard`, a run a trial, with its knobs for the HParams page."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter
from tensorboardX.summary import hparams

FLUSH_SECONDS = 10
"""Between two writes to the disk, by a thread, for the driver of many trials cannot wait for it."""
SHOWN = ("val_clean_accuracy", "val_robust_accuracy")
"""Beside the knobs."""


def build(*, folder: Path) -> "TensorBoard":
    """Return what writes the event files of a study.

    Args:
        folder: The results folder.
    """
    return TensorBoard(folder / "tensorboard")


class TensorBoard:
    """A folder of runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, trial: str, knobs: Mapping[str, Any]) -> "Events":
        """Return the run of a trial, in place of one that there was."""
        shutil.rmtree(self.folder / trial, ignore_errors=True)
        return Events(self.folder / trial, knobs)


class Events:
    """The event file of one trial."""

    def __init__(self, folder: Path, knobs: Mapping[str, Any]) -> None:
        self.writer = SummaryWriter(str(folder), flush_secs=FLUSH_SECONDS)
        plain = {path: hyperparameter(value) for path, value in knobs.items()}
        experiment, start, self.ending = hparams(plain, dict.fromkeys(SHOWN))
        self.writer.file_writer.add_summary(experiment)
        self.writer.file_writer.add_summary(start)

    def report(self, step: int, values: Mapping[str, float]) -> None:
        """Write an epoch."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def end(self, *, failed: bool) -> None:
        """Close the file; only a trial that did not fail is marked as a success."""
        if not failed:
            self.writer.file_writer.add_summary(self.ending)
        self.writer.close()


def hyperparameter(value: object) -> object:
    """Return the value of a knob as TensorBoard knows it: lists are written out, none is left out.

    >>> hyperparameter(0.1), hyperparameter([1, 2])
    (0.1, '[1, 2]')
    """
    return value if isinstance(value, str | bool | int | float | None) else str(value)
