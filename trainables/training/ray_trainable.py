"""A trial as Ray Tune runs it: a function that reports."""

import gc
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from ray import tune

from trainables.io.remote_files import open_filesystem
from trainables.io.retry import Retry
from trainables.training import checkpoint
from trainables.training.fidelity import Level
from trainables.training.micro_batch import halve_micro_batch
from trainables.training.trial import TrainingOutOfMemoryError, Trial

CHECKPOINT_ERROR = "refused"
"""Beside an epoch that is reported before its checkpoint could be written: why it could not."""


def trainable(config: dict[str, Any]) -> None:
    """Train one configuration, level by level, from its last checkpoint; report every epoch.

    On a GPU that trials share, each keeps to its share of the memory, so that one that outgrows it
    fails alone. It is then tried again from its last checkpoint, or its start, and draws the same
    random numbers, with parts of its batches half as large.

    Args:
        config: Group to member and knobs, and `levels`, `seed`, `device`, `threads`,
            `precision`, `compile`, `constraint` if there is one, on a GPU `memory_share`, `level`,
            where it begins, and `goes_on_from`, the checkpoint of a trial that has been begun
            before.
    """
    torch.set_num_threads(config["threads"])
    if not torch.cuda.is_available():  # a node may count GPUs that torch cannot use
        config = config | {"device": "cpu"}
    if config["device"] == "cuda":
        torch.cuda.set_per_process_memory_fraction(config["memory_share"])
    micro_batch, done = None, False
    while not done:
        for trial in iterate_levels(config, micro_batch):
            try:
                report_epochs(trial)
            except TrainingOutOfMemoryError as accident:
                micro_batch = halve_micro_batch(trial, accident)
                break
        else:
            done = True
        del trial
        gc.collect()  # the accident's traceback held what was being computed
        if config["device"] == "cuda":
            torch.cuda.empty_cache()


def report_epochs(trial: Trial) -> None:
    """Train to the end; report and keep every epoch.

    While the storage refuses a checkpoint, its epoch is reported without one, and why.
    """
    for each in trial.run_epochs():
        measured = asdict(each)
        with tempfile.TemporaryDirectory() as folder:
            checkpoint.save(trial, Path(folder))

            def refused(reason: str, measured: dict[str, object] = measured) -> None:
                tune.report(measured | {CHECKPOINT_ERROR: reason})

            Retry(refused)("its checkpoint", partial(report_with_checkpoint, measured, folder))


def report_with_checkpoint(metrics: dict[str, object], folder: str) -> None:
    """Report an epoch with its checkpoint.

    Raises:
        OSError: If the storage refuses it, or is not there.
    """
    try:
        tune.report(metrics, checkpoint=tune.Checkpoint.from_directory(folder))
    except RuntimeError as error:  # what Ray says where it does not find its own marker
        raise OSError(str(error).splitlines()[0]) from error


def iterate_levels(config: Mapping[str, Any], micro_batch: int | None) -> Iterator[Trial]:
    """Yield a trial's whole runs, the first of them where it was left off.

    Args:
        config: Of the trial.
        micro_batch: Images that its updates take at a time; as configured if none.
    """
    levels = [Level(**level) for level in config["levels"]]
    with starting_checkpoint(config) as folder:
        first = checkpoint.read_level(folder) if folder else config.get("level", 0)
        trial = Trial(levels[first].apply_to(config), first)
        if folder:
            checkpoint.restore(trial, folder)
    for number in range(first, len(levels)):
        if number > first:
            shorter, trial = trial, Trial(levels[number].apply_to(config), number)
            trial.continue_from(shorter)
        if micro_batch:
            trial.micro_batch = micro_batch
        yield trial
        if trial.diverged or trial.collapsed_at:
            return


@contextmanager
def starting_checkpoint(config: Mapping[str, Any]) -> Iterator[Path | None]:
    """Give the folder with what a trial is to go on from, if anything; fetched if it is remote."""
    came_from = config.get("goes_on_from")
    last = tune.get_checkpoint()
    if last is None and came_from is not None:
        files, path = open_filesystem(came_from)
        last = tune.Checkpoint(path, files)
    if last is None:
        yield None
        return
    with last.as_directory() as folder:
        yield Path(folder)
