"""The compared training steps: ours, those of other libraries, and the convolutions alone."""

import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import torchattacks
from art.defences.trainer import AdversarialTrainerMadryPGD
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from trainables.networks.precision import Precision
from trainables.training.loop import train_epoch
from trainables.training.trial import Trial

EPS, STEP_SIZE, STEPS = 8 / 255, 2 / 255, 10
SETTINGS = {
    "resnet18": ((3, 32, 32), 32),
    "preact_resnet18": ((3, 32, 32), 32),
    "wrn_28_10": ((3, 32, 32), 4),
    "small_cnn": ((1, 28, 28), 50),
    "lenet": ((1, 28, 28), 50),
}
"""Shape of an image and images a batch, for each network."""


def build_trial(name: str, x: Tensor, precision: Precision, changes: dict[str, Any]) -> Trial:
    """Return a trial whose network is `name`, with random images as many and as large as `x`."""
    number, channels, height, width = x.shape
    pixels = np.random.default_rng(0).integers(
        256, size=(number + 10, height, width, channels), dtype=np.uint8
    )
    labels = np.arange(number + 10) % 10
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/random.npz"
        np.savez(path, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
        config: dict[str, Any] = {
            "threat": {"name": "linf", "eps": EPS},
            "data": {"name": "arrays", "path": path, "validation": 10, "batch_size": number},
            "model": {"name": name},
            "method": {"name": "pgd_at"},
            "criterion": {"name": "cross_entropy"},
            "attack": {"name": "pgd", "steps": STEPS, "step_size": STEP_SIZE},
            "update": {"name": "alternate"},
            "optimizer": {"name": "sgd", "lr": 0.01},
            "schedule": {"name": "constant"},
            "eps_schedule": {"name": "constant"},
            "epochs": 1,
            "seed": 0,
            "device": "cpu",
            "precision": precision,
            "compile": False,
        }
        return Trial(config | changes)


def build_our_step(
    name: str, x: Tensor, precision: Precision, changes: dict[str, Any]
) -> Callable[[], object]:
    """Return one training step of this project: an epoch of one batch, bookkeeping included."""
    own = build_trial(name, x, precision, changes)

    def step() -> None:
        train_epoch(
            own.model,
            own.optimizer,
            own.average,
            own.train_images,
            own.components,
            classes=10,
            threat=own.threat,
            peak_lr=0.01,
            rng=own.rng,
            memory=own.memory,
            epoch=0,
            epochs=1,
        )

    return step


def build_reference_step(name: str, x: Tensor, y: Tensor) -> Callable[[], object]:
    """Return one step of a loop as the reference repositories write it."""
    own = build_trial(name, x, "fp32", {})
    model = own.model.to(memory_format=torch.contiguous_format).train()

    def step() -> None:
        delta = torch.empty_like(x).uniform_(-EPS, EPS)
        delta.data = (x + delta).clamp(0, 1) - x
        delta.requires_grad_()
        for _ in range(STEPS):
            F.cross_entropy(model(x + delta), y).backward()
            assert delta.grad is not None
            moved = (delta + STEP_SIZE * delta.grad.sign()).detach().clamp(-EPS, EPS)
            delta.data = (x + moved).clamp(0, 1) - x
            delta.grad.zero_()
        update_weights(model, own.optimizer, x + delta.detach(), y)

    return step


def build_torchattacks_step(name: str, x: Tensor, y: Tensor) -> Callable[[], object]:
    """Return one step of the same loop with torchattacks' PGD, which attacks in eval mode."""
    own = build_trial(name, x, "fp32", {})
    model = own.model.to(memory_format=torch.contiguous_format).train()
    attack = torchattacks.PGD(model, eps=EPS, alpha=STEP_SIZE, steps=STEPS)
    return lambda: update_weights(model, own.optimizer, attack(x, y), y)


def update_weights(
    model: nn.Module, optimizer: torch.optim.Optimizer, x_adv: Tensor, y: Tensor
) -> None:
    """Take one step on attacked images."""
    optimizer.zero_grad()
    F.cross_entropy(model(x_adv), y).backward()
    optimizer.step()


def build_art_step(name: str, x: Tensor, y: Tensor) -> Callable[[], object]:
    """Return one step of adversarial-robustness-toolbox's PGD trainer."""
    own = build_trial(name, x, "fp32", {})
    classifier = PyTorchClassifier(
        own.model.to(memory_format=torch.contiguous_format),
        loss=nn.CrossEntropyLoss(),
        input_shape=tuple(x.shape[1:]),
        nb_classes=10,
        optimizer=own.optimizer,
        clip_values=(0, 1),
        device_type="cpu",
    )
    trainer = AdversarialTrainerMadryPGD(
        classifier, nb_epochs=1, batch_size=len(x), eps=EPS, eps_step=STEP_SIZE, max_iter=STEPS
    )
    images, labels = x.numpy(), y.numpy()
    return lambda: trainer.fit(images, labels)


def build_convolution_step(model: nn.Module, x: Tensor, dtype: torch.dtype) -> Callable[[], object]:
    """Return the convolutions of one step alone: a lower bound of the time."""
    calls = [
        (conv.to(dtype), features.to(dtype), slope.to(dtype))
        for conv, features, slope in record_convolutions(model, x)
    ]

    def step() -> None:
        for number in range(STEPS + 1):
            wanted = [True, number == STEPS, False]  # gradients of images; of weights in the last
            for conv, features, slope in calls:
                F.conv2d(features, conv.weight, None, *convolution_arguments(conv))
                torch.ops.aten.convolution_backward(
                    slope,
                    features,
                    conv.weight,
                    None,
                    conv.stride,
                    conv.padding,
                    conv.dilation,
                    False,
                    [0, 0],
                    conv.groups,
                    wanted,
                )

    return torch.no_grad()(step)


def convolution_arguments(conv: nn.Conv2d) -> tuple[Any, Any, Any, int]:
    """Return stride, padding, dilation and groups."""
    return conv.stride, conv.padding, conv.dilation, conv.groups


def record_convolutions(model: nn.Module, x: Tensor) -> list[tuple[nn.Conv2d, Tensor, Tensor]]:
    """Return each convolution with features and gradients of the shapes that it meets."""
    found: list[tuple[nn.Conv2d, Tensor, Tensor]] = []

    def note(conv: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        assert isinstance(conv, nn.Conv2d)
        features, slope = (
            torch.rand(t.shape).contiguous(memory_format=torch.channels_last)
            for t in (inputs[0], output)
        )
        found.append((conv, features, slope))

    handles = [m.register_forward_hook(note) for m in model.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        model.eval()(x)
    for handle in handles:
        handle.remove()
    return found
