"""A few updates of a single-step method, with draws that authors' code can take too, in float64."""

import math
from dataclasses import dataclass, field
from unittest.mock import patch

import torch
from torch import Tensor, nn

from tests.oracles import tiny_config
from tests.trainables.formulas import digest, fill, images, wave
from trainables.binding import bind
from trainables.components import GROUPS
from trainables.networks.modes import in_mode
from trainables.step_context import StepContext, inject_components
from trainables.threats.linf import Linf

EPS, CLASSES, LR = 8 / 255, 10, 0.05


class Draws:
    """Uniform draws that are waves, each another one."""

    def __init__(self) -> None:
        self.number = 0

    def unit(self, *shape: int) -> Tensor:
        """Return numbers in [0, 1]."""
        self.number += 1
        return (wave(*shape, rate=0.9 + 0.07 * self.number, shift=0.3 * self.number) + 1) / 2

    def rand(self, *shape: int | tuple[int, ...], **_: object) -> Tensor:
        """Return what `torch.rand` is replaced by."""
        sizes = (size if isinstance(size, tuple) else (size,) for size in shape)
        return self.unit(*(number for each in sizes for number in each))


def network() -> nn.Sequential:
    """Return a network with BatchNorm for ten classes, as some codes know no other number."""
    layers = nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.Softplus(), nn.Flatten()
    return fill(nn.Sequential(*layers, nn.Linear(32, CLASSES)), gain=1.5)


def batches(*, inside: bool = False, predicted: bool = False) -> list[tuple[Tensor, Tensor]]:
    """Return three batches of four images and their labels, two of which are equal.

    Args:
        inside: Whether no pixel is 0 or 1, else many are.
        predicted: Whether the labels are those that the network predicts at first, all but one.
    """
    x = 0.1 + 0.8 * images() if inside else images()
    found = []
    for batch in (x, (1 - x).flip(1), x.flip(3)):
        y = torch.tensor([0, 2, 4, 0])
        if predicted:
            y = network().train()(batch).argmax(dim=1)
            y[0] = (y[0] + 1) % CLASSES
        found.append((batch, y))
    return found


@dataclass
class Outcome:
    """What a few updates lead to.

    Attributes:
        losses: Their losses.
        weights: Digest of the weights.
        mean: Digest of BatchNorm's running mean.
        kept: Digests of tensors that are kept between updates, by name.
    """

    losses: list[float]
    weights: list[float]
    mean: list[float]
    kept: dict[str, list[float]] = field(default_factory=dict)


def outcome(model: nn.Sequential, losses: list[float], kept: dict[str, Tensor]) -> Outcome:
    """Return the outcome of updates of `model`."""
    weights = torch.cat([p.flatten() for p in model.parameters()])
    kept_digests = {name: digest(tensor) for name, tensor in kept.items()}
    return Outcome(losses, digest(weights), digest(model[1].running_mean), kept_digests)


def train(
    method: str,
    groups: dict[str, dict[str, object]] | None = None,
    *,
    epoch: int = 1,
    epochs: int = 10,
    memory: dict[str, Tensor] | None = None,
    kept: tuple[str, ...] = (),
    data: list[tuple[Tensor, Tensor]] | None = None,
    eps: float = EPS,
    **knobs: object,
) -> Outcome:
    """Return the outcome of updates, one in each epoch.

    Args:
        method: The method, which is used with its companions.
        groups: Knobs of other groups.
        epoch: Epochs before the first update.
        epochs: Epochs of the run.
        memory: Tensors that are kept, before the first update.
        kept: Names of those to compare after the last.
        data: Batches, one for each update; `None`: those of `batches`.
        eps: Radius.
        knobs: Knobs of the method.
    """
    companions = getattr(GROUPS["method"].load(method), "COMPANIONS", {})
    config = tiny_config(criterion={"name": "cross_entropy"}) | companions
    config |= {"method": {"name": method, **knobs}}
    config |= {name: config[name] | values for name, values in (groups or {}).items()}
    model, memory = network(), {} if memory is None else memory
    context = StepContext(
        threat=Linf(eps=eps),
        rng=torch.Generator(),
        memory=memory,
        classes=CLASSES,
        epochs=epochs,
        index=torch.arange(4),
        n_images=4,
        network=model,
    )
    ready = inject_components(bind({k: v for k, v in config.items() if k in GROUPS}), context)
    optimizer, draws, losses = torch.optim.SGD(model.parameters(), lr=LR), Draws(), []
    with patch("torch.rand", draws.rand), in_mode(model, "train"):
        for number, (x, y) in enumerate(data or batches()):
            context.step, context.epoch = number + 1, epoch + number
            context.progress = (context.epoch + 0.5) / epochs
            losses.append(ready.update.update(model, optimizer, x, y).item())
    assert math.isfinite(sum(losses))
    return outcome(model, losses, {name: memory[name] for name in kept})
