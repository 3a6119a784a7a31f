"""Images, labels and networks given by formulas in float64.

The numbers of authors' code in the tests were computed with these, so that they need no file.
"""

import math

import torch
from torch import Tensor, nn


def wave(*shape: int, rate: float = 1.0, shift: float = 0.0) -> Tensor:
    """Return sin(rate * i + shift) of the index i of each entry."""
    return torch.sin(rate * torch.arange(math.prod(shape)).double() + shift).view(shape)


def images(number: int = 4, shape: tuple[int, int, int] = (3, 6, 6)) -> Tensor:
    """Return images in [0, 1], of whose pixels nearly a third are 0 or 1 and as many grey."""
    return (0.5 + 0.8 * wave(number, *shape, rate=0.7)).clamp(0, 1)


def labels(number: int = 4, classes: int = 5) -> Tensor:
    """Return 0, 2, 4, 1, 3, 0, ..."""
    return 2 * torch.arange(number) % classes


def fill(model: nn.Module, gain: float = 1.0) -> nn.Module:
    """Set the parameters to waves, in their order, scaled by their fan-in; return the network."""
    model = model.double()
    for index, p in enumerate(model.parameters()):
        values = wave(*p.shape, rate=1.3, shift=index)
        fan_in = math.prod(p.shape[1:]) if p.dim() > 1 else 0
        scaled = gain * values * 2 / math.sqrt(fan_in) if fan_in else 0.1 * values
        p.data = scaled if fan_in or is_bias(model, p) else 1 + scaled
    return model


def is_bias(model: nn.Module, wanted: nn.Parameter) -> bool:
    """Return whether a parameter is called a bias."""
    return any(p is wanted and name.endswith("bias") for name, p in model.named_parameters())


def network(*, norm: bool = False, shape: tuple[int, int, int] = (3, 6, 6)) -> nn.Sequential:
    """Return a small convolutional network of five classes, with BatchNorm if asked for."""
    channels, height, width = shape
    return fill(
        nn.Sequential(
            nn.Conv2d(channels, 8, 3, stride=2),
            *([nn.BatchNorm2d(8)] if norm else []),
            nn.Softplus(),
            nn.Flatten(),
            nn.Linear(8 * ((height - 1) // 2) * ((width - 1) // 2), 5),
        )
    )


def digest(values: Tensor) -> list[float]:
    """Return three numbers that change with any entry: a mean, a length and a weighted mean."""
    flat = values.detach().double().flatten()
    return [
        flat.mean().item(),
        flat.square().mean().sqrt().item(),
        (flat * wave(len(flat), rate=2.1, shift=0.5)).mean().item(),
    ]
