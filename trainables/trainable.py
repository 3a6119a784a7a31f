"""A trial as Ray Tune runs it: a function that reports."""

import gc
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from ray import tune

from trainables import checkpoint
from trainables.micro_batch import smaller
from trainables.trial import OutgrownError, Trial


def trainable(config: dict[str, Any]) -> None:
    """Train one configuration, from its last checkpoint if it has one; report every epoch.

    On a GPU that trials share, each keeps to its share of the memory, so that one that outgrows it
    fails alone. It is then tried again from its last checkpoint, or its start, and draws the same
    random numbers, with parts of its batches half as large.

    Args:
        config: Group to member and knobs, and `epochs`, `seed`, `device`, `threads`,
            `precision`, `compile`, on a GPU `memory_share`, and `goes_on_from`, the checkpoint
            of a trial that an earlier run of the study has begun.
    """
    torch.set_num_threads(config["threads"])
    if config["device"] == "cuda":
        torch.cuda.set_per_process_memory_fraction(config["memory_share"])
    micro_batch, done = None, False
    while not done:
        trial = taken_up(config)
        if micro_batch:
            trial.micro_batch = micro_batch
        try:
            run(trial)
            done = True
        except OutgrownError as accident:
            micro_batch = smaller(trial, accident)
        del trial
        gc.collect()  # the accident's traceback held what was being computed
        if config["device"] == "cuda":
            torch.cuda.empty_cache()


def taken_up(config: dict[str, Any]) -> Trial:
    """Return a trial as its last checkpoint has it, or at its start."""
    trial = Trial(config)
    last = tune.get_checkpoint()
    if last is not None:
        with last.as_directory() as folder:
            checkpoint.restore(trial, Path(folder))
    elif config.get("goes_on_from"):
        checkpoint.restore(trial, Path(config["goes_on_from"]))
    return trial


def run(trial: Trial) -> None:
    """Train to the end; report and keep every epoch."""
    for report in trial.reports():
        with tempfile.TemporaryDirectory() as folder:
            checkpoint.save(trial, Path(folder))
            tune.report(asdict(report), checkpoint=tune.Checkpoint.from_directory(folder))
