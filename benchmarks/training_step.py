"""Seconds of a training step: `uv run --group bench python -m benchmarks.training_step`.

All contenders run in one process, in turn, for several rounds, so that a machine that slows down
slows down for all; what counts is the median of the ratios. Peers: a loop as in the reference
repositories (attack by `loss.backward()` in train mode), torchattacks' PGD in such a loop, and the
trainer of adversarial-robustness-toolbox. The floor is the time of the network's convolutions
alone, forward and backward to their inputs, at the same shapes.
"""

import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
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
from tuner.config.settings import count_cores

ROUNDS = 5
EPS, STEP_SIZE, STEPS = 8 / 255, 2 / 255, 10
SETTINGS = {
    "resnet18": ((3, 32, 32), 32),
    "preact_resnet18": ((3, 32, 32), 32),
    "wrn_28_10": ((3, 32, 32), 4),
    "small_cnn": ((1, 28, 28), 50),
    "lenet": ((1, 28, 28), 50),
}
"""Shape of an image and images a batch, for each network."""
METHODS: dict[str, dict[str, dict[str, Any]]] = {
    "PGD-AT": {},
    "TRADES": {"method": {"name": "trades"}},
    "FGSM-RS": {"attack": {"name": "fgsm_rs"}},
    "GradAlign": {"method": {"name": "grad_align"}, "attack": {"name": "fgsm"}},
    "Free": {"update": {"name": "free", "replays": 1}},
}


def main(names: list[str]) -> None:
    """Measure the networks, print the tables and keep the numbers."""
    torch.set_num_threads(count_cores())
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept: dict[str, Any] = {"date": str(date.today()), "hardware": hardware, "rounds": ROUNDS}
    for name in names or SETTINGS:
        kept[name] = measure_network(name, methods=name == "resnet18")
    path = Path(__file__).parent / f"training_step_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def measure_network(name: str, *, methods: bool) -> dict[str, Any]:
    """Return the seconds of every contender on one network, and the ratios to the loop."""
    shape, size = SETTINGS[name]
    x, y = torch.rand(size, *shape), torch.randint(10, (size,))
    contenders = {
        "reference loop": build_reference_step(name, x, y),
        "torchattacks": build_torchattacks_step(name, x, y),
        "ART": build_art_step(name, x, y),
        "ours fp32": build_our_step(name, x, "fp32", {}),
        "ours bf16": build_our_step(name, x, "bf16", {}),
        "floor fp32": build_convolution_step(
            build_trial(name, x, "fp32", {}).model, x, torch.float32
        ),
        "floor bf16": build_convolution_step(
            build_trial(name, x, "fp32", {}).model, x, torch.bfloat16
        ),
    }
    if methods:
        contenders |= {
            f"ours fp32, {method}": build_our_step(name, x, "fp32", changes)
            for method, changes in METHODS.items()
            if changes
        }
    seconds: dict[str, list[float]] = {contender: [] for contender in contenders}
    for number in range(ROUNDS + 1):
        for contender, step in contenders.items():
            start = time.perf_counter()
            step()
            if number:  # the first round pays for what later ones find ready
                seconds[contender].append(time.perf_counter() - start)
    print(f"\n{name}, {size} images")
    ratios = {}
    for contender, taken in seconds.items():
        pairs = zip(taken, seconds["reference loop"], strict=True)
        ratios[contender] = round(median(mine / loop for mine, loop in pairs), 3)
        print(f"  {contender:24} {median(taken):7.3f} s   {ratios[contender]:.3f}")
    peer = min(median(seconds[c]) for c in ("reference loop", "torchattacks", "ART"))
    for contender in ("ours fp32", "ours bf16"):
        print(f"  {contender} / fastest peer: {median(seconds[contender]) / peer:.3f}")
    return {
        "images": size,
        "seconds": {c: [round(s, 4) for s in taken] for c, taken in seconds.items()},
        "ratio_to_reference_loop": ratios,
        "gigaflops_per_second": compute_rates(name, x, seconds),
    }


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


def compute_rates(name: str, x: Tensor, seconds: dict[str, list[float]]) -> dict[str, float]:
    """Return how many billion operations a second each contender's convolutions reach."""
    calls = record_convolutions(build_trial(name, x, "fp32", {}).model, x)
    one_pass = sum(2 * slope.numel() * conv.weight[0].numel() for conv, _, slope in calls)
    operations = one_pass * (2 * STEPS + 3)  # forward and back; in the update back twice
    return {
        contender: round(operations / median(taken) / 1e9, 1)
        for contender, taken in seconds.items()
        if "," not in contender
    }


if __name__ == "__main__":
    main(sys.argv[1:])
