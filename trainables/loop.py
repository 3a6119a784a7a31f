"""One epoch of adversarial training, whatever its parts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Generator, Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainables.bind import supply
from trainables.images import Images
from trainables.threat import Threat


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How hard one step pushes.

    Attributes:
        lr: Learning rate.
        threat: The ball that the step trains against.
    """

    lr: float
    threat: Threat


def pace(
    parts: Mapping[str, SimpleNamespace], threat: Threat, peak_lr: float, progress: float
) -> Pace:
    """Return the learning rate and the radius when a share `progress` of the run is over."""
    schedule, radius = parts["schedule"], parts["eps_schedule"]
    share = radius.factor(progress) * radius.warm(progress)
    return Pace(
        lr=peak_lr * schedule.factor(progress) * schedule.warm(progress),
        threat=radius.shrink(threat, share),
    )


@dataclass(frozen=True, kw_only=True)
class EpochResult:
    """What one epoch of training measured.

    Attributes:
        loss: Mean of what the method minimises, in nats per example.
        pace: Of the last step.
        passes: Forward passes with gradients per training example.
    """

    loss: float
    pace: Pace
    passes: float


def train_epoch(
    model: Module,
    optimizer: Optimizer,
    images: Images,
    parts: Mapping[str, SimpleNamespace],
    *,
    threat: Threat,
    peak_lr: float,
    rng: Generator,
    memory: dict[str, Tensor],
    epoch: int,
    epochs: int,
) -> EpochResult:
    """Train `model` on every image once.

    Args:
        model: The network, behind its normalisation.
        optimizer: Takes the steps.
        images: The training split.
        parts: What `bind` returned.
        threat: The full ball.
        peak_lr: What the schedule multiplies.
        rng: Source of order, augmentation and random starts; on the device of the images.
        memory: What an update keeps from one batch to the next.
        epoch: Epochs finished so far, from 0.
        epochs: Epochs of the whole run.
    """
    total = torch.zeros((), device=images.y.device)
    batch_size = parts["data"].batches.keywords["batch_size"]
    steps = -(-len(images) // batch_size)
    model.train()
    with counted(model) as passes:
        for step, (x, y) in enumerate(parts["data"].batches(images, rng)):
            # in the middle of the step, so that neither the first nor the last step has lr 0
            now = pace(parts, threat, peak_lr, (epoch + (step + 0.5) / steps) / epochs)
            for group in optimizer.param_groups:
                group["lr"] = now.lr
            shared = {"threat": now.threat, "rng": rng, "memory": memory}
            method = supply(parts["method"], **shared, criterion=parts["criterion"].loss)
            attack = supply(parts["attack"], **shared)
            update = supply(parts["update"], **shared, method=method, attack=attack).update
            total += update(model, optimizer, parts["data"].augment(x, rng), y) * len(y)
    return EpochResult(loss=total.item() / len(images), pace=now, passes=passes[0] / len(images))


@contextmanager
def counted(model: Module) -> Iterator[list[int]]:
    """Count the examples that go through `model` with gradients; the total is the only item."""
    total = [0]

    def count(_: Module, inputs: tuple[Tensor, ...], __: Tensor) -> None:
        total[0] += len(inputs[0]) * torch.is_grad_enabled()

    handle = model.register_forward_hook(count)
    try:
        yield total
    finally:
        handle.remove()
