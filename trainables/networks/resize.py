"""Resized images as the first layer of a network, so that attacks work on the original pixels."""

import torch.nn.functional as F
from torch import Tensor, nn


class Resize(nn.Module):
    """Resizes images to squares by bilinear interpolation, with antialiasing if they shrink."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        """Return images (N, C, side, side) for images (N, C, H, W)."""
        size = (self.side, self.side)
        return F.interpolate(x, size, mode="bilinear", align_corners=False, antialias=True)

    def extra_repr(self) -> str:
        """Return the size, for printing."""
        return f"{self.side}"


def with_resizing(net: nn.Module, side: int | None) -> nn.Module:
    """Return a network that resizes images to `side` pixels first. `None`: as they are."""
    return net if side is None else nn.Sequential(Resize(side), net)
