"""Input normalisation as the first layer of the model, so that attacks work on pixels in [0, 1]."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainables.networks.precision import Network


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
    net: nn.Module, mean: Sequence[float], std: Sequence[float], *, normalize: bool = True
) -> nn.Module:
    """Return a network that normalises images and then applies `net`.

    Args:
        net: Maps normalised images to logits.
        mean: Mean of each channel, on the [0, 1] pixel scale.
        std: Standard deviation of each channel, likewise.
        normalize: Whether to normalise; otherwise `net` receives raw pixels in [0, 1].
    """
    if not normalize:
        mean, std = [0.0] * len(mean), [1.0] * len(std)
    return Network(Normalize(mean, std), net)
