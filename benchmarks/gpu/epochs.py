"""Whole epochs: data, augmentation, training and validation; and whether they are repeatable."""

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.gpu.attempts import attempt
from benchmarks.gpu.device import KernelSettings, synchronize
from benchmarks.gpu.settings import Deadline, Keep, Settings, Values
from benchmarks.gpu.trials import build_trial
from trainables.training import checkpoint
from trainables.training.trial import Trial

EPOCHS = 3
"""Epochs that are timed; the first captures graphs."""
EXACT = {"precision": "fp32"}
BATCHES = 8
"""Batches of an epoch whose repeatability is measured: four before and at a capture, four after."""


def measure_epochs(settings: Settings, _: str, deadline: Deadline, keep: Keep) -> None:
    """Measure seconds of training and of validation, epoch by epoch."""
    network = settings.networks[settings.first_network]
    trial = build_trial(
        settings, network, images=settings.epoch_images, validation=settings.validation_images
    )
    found: list[Values] = []
    for _epoch in range(EPOCHS):
        report = trial.run_epoch()
        found.append({
            "training_seconds": round(report.seconds - report.exam_seconds, 3),
            "validation_seconds": round(report.exam_seconds, 3),
            "clean": report.val_clean_accuracy,
            "robust": report.val_robust_accuracy,
        })
        keep("epochs", found)
        if deadline.seconds_left() < 0:
            break


def measure_exactness(settings: Settings, _: str, deadline: Deadline, keep: Keep) -> None:
    """Measure what changes with graphs, without any change, and by saving and restoring."""
    for name, deterministic in (("deterministic", True), ("default", False)):
        for what, compare in (("resume", compare_resumed), ("graphs", compare_graphs)):
            changes = EXACT | {"deterministic": deterministic}
            keep(f"{what}, {name}", attempt(partial(compare, settings, changes), deadline))


def compare_graphs(settings: Settings, changes: Mapping[str, object]) -> Values:
    """Return the differences after an epoch with and without graphs, and between equal runs."""
    plain, again, graphed = (
        train_for_an_epoch(settings, {**changes, "graphs": graphs})
        for graphs in (False, False, "auto")
    )
    return {"graphs": compare(plain, graphed), "nothing changed": compare(plain, again)}


def compare_resumed(settings: Settings, changes: Mapping[str, object]) -> Values:
    """Return the differences after an epoch of a trial and of the same trial restored."""
    trial, kernels = build(settings, changes)
    trial.run_epoch()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(trial, Path(folder))
        restored, _ = build(settings, changes)
        checkpoint.restore(restored, Path(folder))
    kernels.apply()
    return compare(*(finish_epoch(each) for each in (trial, restored)))


def train_for_an_epoch(settings: Settings, changes: Mapping[str, object]) -> tuple[float, Tensor]:
    """Return the loss and the weights of a trial after its first epoch."""
    return finish_epoch(build(settings, changes)[0])


def build(settings: Settings, changes: Mapping[str, object]) -> tuple[Trial, KernelSettings]:
    """Return a trial and the kernels that it demands."""
    network = settings.networks[settings.first_network]
    trial = build_trial(settings, network, changes, images=BATCHES * settings.batch_size)
    return trial, KernelSettings.read()


def finish_epoch(trial: Trial) -> tuple[float, Tensor]:
    """Return the training loss of an epoch and all weights and statistics behind it."""
    report = trial.run_epoch()
    synchronize(trial.device)
    state = trial.model.state_dict().values()
    return report.train_loss, torch.cat([t.detach().double().flatten() for t in state])


def compare(one: tuple[float, Tensor], other: tuple[float, Tensor]) -> Values:
    """Return the differences of two results of an epoch."""
    return {
        "max_weight_difference": float((one[1] - other[1]).abs().max()),
        "loss_difference": abs(one[0] - other[0]),
        "identical": one[0] == other[0] and torch.equal(one[1], other[1]),
    }
