"""What one configuration costs, from a few images of its last epoch."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainables import checkpoint
from trainables.images import Images
from trainables.trial import Trial
from tuner.disk import size

FEW = 8
"""Images of the first timed step; a network that is quick with them is timed on a whole batch."""
QUICK = 0.1


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a whole trial takes that is not stopped early.

    Attributes:
        seconds: Wall time on this machine, extrapolated from one timed step of training.
        passes: Forward passes with gradients, in images.
        disk: Bytes of its last checkpoint, which is its largest.
    """

    seconds: float
    passes: float
    disk: int


def cost(config: Mapping[str, Any]) -> Cost:
    """Return what a configuration costs.

    Args:
        config: As a trial takes it.
    """
    torch.set_num_threads(config["threads"])
    trial = Trial(config)
    train, validation = trial.train, trial.validation
    exam = trial.parts["exam"].accuracies.keywords
    trial.parts["exam"].accuracies = unexamined
    batch_size = trial.parts["data"].batches.keywords["batch_size"]
    timed(trial, train[:2])  # the first step pays for what later ones find ready
    number = min(FEW, batch_size)
    seconds, passes = timed(trial, train[:number])
    if seconds < QUICK:
        number = batch_size
        seconds, passes = timed(trial, train[:number])
    each = seconds / number
    examined = len(validation) * exam["steps"] * exam["restarts"]
    return Cost(
        seconds=trial.epochs * (each * len(train) + each / passes * examined),
        passes=trial.epochs * passes * len(train),
        disk=stored(trial),
    )


def stored(trial: Trial) -> int:
    """Return the bytes of a trial's last checkpoint, whatever it has learned.

    It goes through its last epoch on one image, from which it learns nothing.
    """
    trial.parts["exam"].accuracies = unexamined
    trial.parts["update"].update = partial(unmoved, **trial.parts["update"].update.keywords)
    timed(trial, trial.train[:1])
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(trial, Path(folder))
        return size(Path(folder))


def timed(trial: Trial, images: Images) -> tuple[float, float]:
    """Return the seconds and the passes an image of the last epoch of a trial, on some images."""
    trial.train = images
    trial.average = trial.parts["average"].build(trial.model)
    trial.epoch, before = trial.epochs - 1, trial.passes
    for _ in range(trial.periods_over(trial.epoch)):
        trial.average.period_over()
    report = trial.advance()
    return report.seconds - report.exam_seconds, trial.passes - before


def unexamined(*_: object, **__: object) -> tuple[float, float]:
    """Return clean and robust accuracy as if nobody had looked."""
    return 0.0, 0.0


def unmoved(model: Module, optimizer: Optimizer, x: Tensor, _: Tensor, **__: object) -> Tensor:
    """Take a step that leads nowhere, so that the optimizer has all that it will keep."""
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    return torch.zeros((), device=x.device)
