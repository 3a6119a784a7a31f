"""A trial as Ray Tune runs it: a function that reports."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from ray import tune

from trainables import checkpoint
from trainables.levels import Level
from trainables.trial import Trial


def trainable(config: dict[str, Any]) -> None:
    """Train one configuration, level by level, from its last checkpoint; report every epoch.

    On a GPU that trials share, each keeps to its share of the memory, so that one that outgrows it
    fails alone.

    Args:
        config: Group to member and knobs, and `levels`, `seed`, `device`, `threads`,
            `precision`, `compile`, `constraint` if there is one, on a GPU `memory_share`, `level`,
            where it begins, and `goes_on_from`, the checkpoint of a trial that has been begun
            before.
    """
    torch.set_num_threads(config["threads"])
    if config["device"] == "cuda":
        torch.cuda.set_per_process_memory_fraction(config["memory_share"])
    for trial in runs(config):
        for report in trial.reports():
            with tempfile.TemporaryDirectory() as folder:
                checkpoint.save(trial, Path(folder))
                tune.report(asdict(report), checkpoint=tune.Checkpoint.from_directory(folder))


def runs(config: Mapping[str, Any]) -> Iterator[Trial]:
    """Yield a trial's whole runs, the first of them where it was left off."""
    levels = [Level(**level) for level in config["levels"]]
    came_from = config.get("goes_on_from")
    first = checkpoint.level_of(Path(came_from)) if came_from else config.get("level", 0)
    trial = Trial(levels[first].of(config), first)
    if came_from:
        checkpoint.restore(trial, Path(came_from))
    yield trial
    for number in range(first + 1, len(levels)):
        if trial.diverged or trial.collapsed_at:
            return
        longer = Trial(levels[number].of(config), number)
        longer.follows(trial)
        trial = longer
        yield trial
