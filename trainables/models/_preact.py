"""Pre-activation residual networks of any plan (He et al., arXiv:1603.05027)."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

from torch import Tensor, nn

from trainables.models._layers import Stage, build_blocks, classifier

Shortcut = Literal["activated", "raw"]


def preact_resnet(
    channels: int,
    classes: int,
    stem: int,
    plan: Sequence[Stage],
    *,
    shortcut: Shortcut = "activated",
    final_norm: bool = True,
) -> nn.Sequential:
    """Return the network.

    Args:
        channels: Channels of an image.
        classes: Number of classes K.
        stem: Channels of the 3x3 convolution ahead of the blocks.
        plan: The stages.
        shortcut: Where the projecting shortcuts start; see `PreActBlock`.
        final_norm: Whether BatchNorm and an activation follow the blocks.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    features = plan[-1].width
    return nn.Sequential(
        nn.Conv2d(channels, stem, 3, padding=1, bias=False),
        *build_blocks(stem, plan, partial(PreActBlock, shortcut=shortcut)),
        *([nn.BatchNorm2d(features), nn.ReLU()] if final_norm else []),
        *classifier(features, classes),
    )


class PreActBlock(nn.Module):
    """Two 3x3 convolutions, each after BatchNorm and activation, and a shortcut.

    A shortcut that projects starts after the first activation ("activated") or at the input of the
    block ("raw"). Any other shortcut is the input itself.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, *, shortcut: Shortcut = "activated"
    ) -> None:
        super().__init__()
        self.starts_raw = shortcut == "raw"
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv2: nn.Module = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.act = nn.ReLU()
        projects = stride != 1 or in_channels != out_channels
        self.shortcut = (
            nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False) if projects else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride)."""
        ready = self.act(self.bn1(x))
        start = x if self.starts_raw else ready
        shortcut = x if self.shortcut is None else self.shortcut(start)
        inside: Tensor = self.conv2(self.act(self.bn2(self.conv1(ready))))
        return inside + shortcut
