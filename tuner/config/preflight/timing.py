"""What one configuration costs, from a few images of its last epoch."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainables.data_pipeline.images import Images
from trainables.networks.folded_view import folded_view
from trainables.networks.modes import frozen_weights, in_mode
from trainables.networks.precision import full_precision
from trainables.robustness.early_stopped_attack import cross_entropy_loss, run_early_stopped_attack
from trainables.training import checkpoint
from trainables.training.checkpoint import folder_bytes
from trainables.training.trial import Trial

FIRST_STEP_IMAGES = 8
"""Images of the first timed step, which are dearer than those of a whole batch."""
MAX_STEP_SECONDS = 5.0
"""Seconds that a step may take, by the first, for a whole batch to be timed as well."""
TIMED_ATTACK_STEPS = 4
"""Of the exam that are timed."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a whole trial takes that is not stopped early.

    Attributes:
        seconds: Wall time on this machine, from a timed step of training and some of the exam.
        passes: Forward passes with gradients, in images.
        disk: Bytes of its last checkpoint, which is its largest.
    """

    seconds: float
    passes: float
    disk: int


def measure_cost(config: Mapping[str, Any]) -> Cost:
    """Return what a configuration costs.

    Args:
        config: As a trial takes it.
    """
    torch.set_num_threads(config["threads"])
    trial = Trial(config)
    train, validation = trial.train_images, trial.validation_images
    exam, batch_size = trial.components.exam, trial.components.data.batch_size
    skip_validation(trial)
    time_training(trial, train[:2])  # the first step pays for what later ones find ready
    number = min(FIRST_STEP_IMAGES, batch_size)
    seconds, passes = time_training(trial, train[:number])
    if seconds * batch_size / number < MAX_STEP_SECONDS:
        number = batch_size
        # the first step of a size takes up to twice as long as those that follow
        seconds, passes = min(time_training(trial, train[:number]) for _ in range(2))
    examined = (
        len(validation) * exam.steps * exam.restarts * time_attack_step(trial, train[:number])
    )
    return Cost(
        seconds=trial.epochs * (seconds / number * len(train) + examined),
        passes=trial.epochs * passes * len(train),
        disk=measure_checkpoint(trial),
    )


def measure_checkpoint(trial: Trial) -> int:
    """Return the bytes of a trial's last checkpoint, whatever it has learned.

    It goes through its last epoch on one image, from which it learns nothing.
    """
    skip_validation(trial)
    update = replace(trial.components.update, update=take_zero_step)
    trial.components = replace(trial.components, update=update)
    time_training(trial, trial.train_images[:1])
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(trial, Path(folder))
        return folder_bytes(Path(folder))


def time_training(trial: Trial, images: Images) -> tuple[float, float]:
    """Return the seconds and the passes an image of the last epoch of a trial, on some images."""
    trial.train_images = images
    trial.average = trial.components.average.build(trial.model)
    trial.epoch, before = trial.epochs - 1, trial.gradient_passes
    for _ in range(trial.periods_finished(trial.epoch)):
        trial.average.on_period_end()
    report = trial.run_epoch()
    return report.seconds - report.exam_seconds, trial.gradient_passes - before


def time_attack_step(trial: Trial, images: Images) -> float:
    """Return the seconds an image of one step of the exam, where none is fooled and done with."""
    x, y = images.x.float() / 255, images.y
    model = trial.average.evaluation_model()
    with in_mode(model, "eval"), frozen_weights(model), full_precision(model):
        seen = folded_view(model)
        start = time.perf_counter()
        run_early_stopped_attack(
            seen,
            cross_entropy_loss(y),
            x,
            x,
            never_stop,
            threat=trial.threat,
            steps=TIMED_ATTACK_STEPS,
            step_size=trial.threat.eps,
        )
    return (time.perf_counter() - start) / TIMED_ATTACK_STEPS / len(images)


def never_stop(_: Tensor, rows: Tensor) -> Tensor:
    """Return that no attack is over."""
    return torch.zeros(len(rows), dtype=torch.bool, device=rows.device)


def skip_validation(trial: Trial) -> None:
    """Replace the validation attack of a trial by one that computes nothing."""
    exam = replace(trial.components.exam, measure_accuracies=zero_accuracies)
    trial.components = replace(trial.components, exam=exam)


def zero_accuracies(*_: object, **__: object) -> tuple[float, float]:
    """Return clean and robust accuracy without computing anything."""
    return 0.0, 0.0


def take_zero_step(model: Module, optimizer: Optimizer, x: Tensor, _: Tensor) -> Tensor:
    """Take a step that leads nowhere, so that the optimizer has all that it will keep."""
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    return torch.zeros((), device=x.device)
