"""Input normalisation as the first layer of the model, so that attacks work on pixels in [0, 1]."""

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from trainables.networks.precision import Network

FORMER_NAMES: dict[object, str] = {True: "data", False: "none", None: "none"}
"""Values of `normalize` in earlier versions, and what the command line reads `none` as."""


def parse_normalization(value: object) -> object:
    """Return "data", "none", or the numbers of a mean and a deviation, separated by commas.

    Raises:
        ValueError: If it is none of them.

    >>> parse_normalization(True), parse_normalization(None), parse_normalization("0.5, .25")
    ('data', 'none', '0.5,0.25')
    """
    if value is None or isinstance(value, bool):
        return FORMER_NAMES[value]
    if value in ("data", "none"):
        return value
    parts = value.split(",") if isinstance(value, str) else value
    try:
        numbers = [float(part) for part in parts] if isinstance(parts, list | tuple) else []
    except (TypeError, ValueError, OverflowError):
        numbers = []
    half = len(numbers) // 2
    is_pair = half > 0 and len(numbers) % 2 == 0 and all(map(math.isfinite, numbers))
    if not is_pair or min(numbers[half:]) <= 0:
        raise ValueError(
            "must be data, none, or a mean and a positive deviation such as 0.5,0.25; with one "
            "number for each channel, first all means"
        )
    return ",".join(f"{number:g}" for number in numbers)


Normalization = Annotated[
    str, BeforeValidator(parse_normalization), Field(description="data|none|MEAN,STD")
]


class Normalize(nn.Module):
    """Shifts and scales each channel; the constants are saved with the weights."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return (x - mean) / std of images (N, C, H, W)."""
        return (x - self.mean) / self.std


def with_normalization(
    net: nn.Module,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    normalize: Normalization = "data",
) -> nn.Module:
    """Return a network that normalises images and then applies `net`.

    Args:
        net: Maps normalised images to logits.
        mean: Mean of each channel, on the [0, 1] pixel scale.
        std: Standard deviation of each channel, likewise.
        normalize: Normalisation of the images: "data" is that of the data set, "none" passes raw
            pixels in [0, 1] to the network. Two numbers are the mean and the deviation of all
            channels: 0.5,0.25; six those of three channels, first all means.
    """
    return Network(Normalize(*channel_constants(normalize, mean, std)), net)


def channel_constants(
    normalize: str, mean: Sequence[float], std: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Return the mean and the deviation of each channel.

    Args:
        normalize: As in `with_normalization`.
        mean: Mean of each channel of the data.
        std: Its standard deviation.

    Raises:
        ValueError: If the numbers are of another number of channels.
    """
    if normalize == "data":
        return list(mean), list(std)
    channels = len(mean)
    if normalize == "none":
        return [0.0] * channels, [1.0] * channels
    numbers = [float(number) for number in normalize.split(",")]
    if len(numbers) == 2:
        numbers = [numbers[0]] * channels + [numbers[1]] * channels
    if len(numbers) != 2 * channels:
        raise ValueError(
            f"normalize needs 2 or {2 * channels} numbers for {channels} channels, got "
            f"{len(numbers)}"
        )
    return numbers[:channels], numbers[channels:]


def find_normalize(model: nn.Module) -> Normalize | None:
    """Return the first normalisation layer of a model. `None`: it has none."""
    return next((module for module in model.modules() if isinstance(module, Normalize)), None)


def set_constants(layer: Normalize, mean: Tensor, std: Tensor) -> None:
    """Set the mean and the deviation of each channel, (C,) or (1,), of a layer.

    Raises:
        ValueError: If they are of another number of channels, or invalid.
    """
    if not (mean.isfinite().all() and std.isfinite().all() and (std > 0).all()):
        raise ValueError("mean and deviation must be finite, and the deviation positive")
    channels = len(layer.mean)
    if {mean.numel(), std.numel()} - {1, channels}:
        raise ValueError(f"mean and deviation must be of {channels} channels, got {mean.numel()}")
    with torch.no_grad():
        layer.mean.copy_(mean.view(-1, 1, 1).expand_as(layer.mean))
        layer.std.copy_(std.view(-1, 1, 1).expand_as(layer.std))


def describe_normalization(model: nn.Module) -> str:
    """Return the constants of a model's normalisation layer; "none": it changes nothing.

    >>> describe_normalization(with_normalization(nn.Flatten(), [0.5], [0.25]))
    'mean 0.5, std 0.25'
    """
    layer = find_normalize(model)
    if layer is None or (not layer.mean.any() and (layer.std == 1).all()):
        return "none"
    mean, std = (
        "/".join(f"{number:.4g}" for number in values.flatten().tolist())
        for values in (layer.mean, layer.std)
    )
    return f"mean {mean}, std {std}"
