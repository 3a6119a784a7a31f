"""Measure the cost of one configuration on a few images of its last epoch."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainables.accuracy import NO_ACCURACY, Accuracies
from trainables.data_pipeline.images import Images
from trainables.networks.folded_view import folded_view
from trainables.networks.modes import frozen_weights, in_mode
from trainables.networks.precision import full_precision
from trainables.robustness.early_stopped_attack import cross_entropy_loss, run_early_stopped_attack
from trainables.training import checkpoint
from trainables.training.checkpoint import folder_bytes
from trainables.training.trial import Trial

FIRST_STEP_IMAGES = 8
"""Images of the first timed step; an image costs more than in a whole batch."""
MAX_STEP_SECONDS = 5.0
"""A whole batch is timed only if its step is expected to take less."""
TIMED_ATTACK_STEPS = 4
"""Timed steps of the validation attack."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost of a trial that is not stopped early.

    Attributes:
        seconds: Wall time on this machine, from timed steps of training and validation.
        passes: Forward passes with gradients, in images.
        disk: Bytes of the last checkpoint, the largest.
    """

    seconds: float
    passes: float
    disk: int


def measure_cost(config: Mapping[str, object]) -> Cost:
    """Return the cost of a configuration.

    Args:
        config: Configuration of a trial.
    """
    threads = config["threads"]
    assert isinstance(threads, int)
    torch.set_num_threads(threads)
    trial = Trial(config)
    train, validation = trial.train_images, trial.validation_images
    exam, batch_size = trial.components.exam, trial.components.data.batch_size
    skip_validation(trial)
    time_training(trial, train[:2])  # warm-up: the first step allocates and caches
    number = min(FIRST_STEP_IMAGES, batch_size)
    seconds, passes = time_training(trial, train[:number])
    if seconds * batch_size / number < MAX_STEP_SECONDS:
        number = batch_size
        # the first step of a batch size can take twice as long as the next
        seconds, passes = min(time_training(trial, train[:number]) for _ in range(2))
    validation_seconds = (
        len(validation) * exam.steps * exam.restarts * time_attack_step(trial, train[:number])
    )
    return Cost(
        seconds=trial.epochs * (seconds / number * len(train) + validation_seconds),
        passes=trial.epochs * passes * len(train),
        disk=measure_checkpoint(trial),
    )


def measure_checkpoint(trial: Trial) -> int:
    """Return the bytes of a trial's last checkpoint.

    The trial runs its last epoch on one image with zero gradients.
    """
    skip_validation(trial)
    update = replace(trial.components.update, update=take_zero_step)
    trial.components = replace(trial.components, update=update)
    time_training(trial, trial.train_images[:1])
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(trial, Path(folder))
        return folder_bytes(Path(folder))


def time_training(trial: Trial, images: Images) -> tuple[float, float]:
    """Run the last epoch on `images`; return its seconds and the gradient passes per image."""
    trial.train_images = images
    trial.average = trial.build_average()
    trial.epoch, passes_before = trial.epochs - 1, trial.gradient_passes
    for _ in range(trial.periods_finished(trial.epoch)):
        trial.average.on_period_end()
    report = trial.run_epoch()
    return report.seconds - report.exam_seconds, trial.gradient_passes - passes_before


def time_attack_step(trial: Trial, images: Images) -> float:
    """Return seconds per image of one validation attack step with no image finished early."""
    x, y = images.x.float() / 255, images.y
    model = trial.average.evaluation_model()
    with in_mode(model, "eval"), frozen_weights(model), full_precision(model):
        folded = folded_view(model)
        start = time.perf_counter()
        run_early_stopped_attack(
            folded,
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
    """Return a mask (N,) of finished images: none."""
    return torch.zeros(len(rows), dtype=torch.bool, device=rows.device)


def skip_validation(trial: Trial) -> None:
    """Replace the validation attack of a trial by one that computes nothing."""
    exam = replace(trial.components.exam, measure_accuracies=zero_accuracies)
    trial.components = replace(trial.components, exam=exam)


def zero_accuracies(*_: object, **__: object) -> Accuracies:
    """Return accuracies without computing anything."""
    return NO_ACCURACY


def take_zero_step(_: Module, optimizer: Optimizer, x: Tensor, __: Tensor) -> Tensor:
    """Take an optimizer step of length 0, which allocates the optimizer state."""
    for group in optimizer.param_groups:
        group["lr"] = 0.0
        for p in group["params"]:
            p.grad = torch.zeros_like(p)
    optimizer.step()
    return torch.zeros((), device=x.device)
