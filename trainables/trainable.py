"""A trial as Ray Tune runs it: a function that reports."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from ray import tune

from trainables import checkpoint
from trainables.trial import Trial


def trainable(config: dict[str, Any]) -> None:
    """Train one configuration, from its last checkpoint if it has one; report every epoch.

    On a GPU that trials share, each keeps to its share of the memory, so that one that outgrows it
    fails alone.

    Args:
        config: Group to member and knobs, and `epochs`, `seed`, `device`, `threads`,
            `precision`, `compile`, `constraint` if there is one, on a GPU `memory_share`, and
            `goes_on_from`, the checkpoint of a trial that an earlier run of the study has begun.
    """
    torch.set_num_threads(config["threads"])
    if config["device"] == "cuda":
        torch.cuda.set_per_process_memory_fraction(config["memory_share"])
    trial = Trial(config)
    last = tune.get_checkpoint()
    if last is not None:
        with last.as_directory() as folder:
            checkpoint.restore(trial, Path(folder))
    elif config.get("goes_on_from"):
        checkpoint.restore(trial, Path(config["goes_on_from"]))
    for report in trial.reports():
        with tempfile.TemporaryDirectory() as folder:
            checkpoint.save(trial, Path(folder))
            tune.report(asdict(report), checkpoint=tune.Checkpoint.from_directory(folder))
