"""Dual path networks for small images (Chen et al., arXiv:1707.01629)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from trainables.models._layers import classifier, conv_bn_relu, projection

Depths = tuple[int, int, int, int]

CONV_GROUPS = 32
CONV_CHANNELS = (96, 192, 384, 768)
"""Channels of the 3x3 convolutions, for each stage."""
RESIDUAL_CHANNELS = (256, 512, 1024, 2048)
"""Channels of the residual path."""
DENSE_CHANNELS = (16, 32, 24, 128)
"""What each block adds to the dense path."""


def dual_path_net(channels: int, classes: int, depths: Depths) -> nn.Module:
    """Return a network of four stages.

    Args:
        channels: Channels of an image.
        classes: Number of classes K.
        depths: Blocks of each stage.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    features = RESIDUAL_CHANNELS[-1] + (depths[-1] + 1) * DENSE_CHANNELS[-1]
    return nn.Sequential(
        *conv_bn_relu(channels, 64), *build_stages(64, depths), *classifier(features, classes)
    )


def build_stages(in_channels: int, depths: Depths) -> Iterator[nn.Module]:
    """Yield the blocks of all stages, the first of which takes `in_channels` channels."""
    for stage, depth in enumerate(depths):
        inside, residual, dense = (
            CONV_CHANNELS[stage],
            RESIDUAL_CHANNELS[stage],
            DENSE_CHANNELS[stage],
        )
        for index in range(depth):
            stride = 1 if index or not stage else 2
            yield DualPathBlock(in_channels, inside, residual, dense, stride, starts=not index)
            in_channels = (
                residual + (index + 2) * dense
            )  # the shortcut of the first block has one more


class DualPathBlock(nn.Module):
    """Convolutions whose result is partly added to the features, partly concatenated.

    Attributes:
        n_residual: Number of channels that are added; the others are concatenated.
    """

    def __init__(
        self, in_channels: int, inside: int, residual: int, dense: int, stride: int, *, starts: bool
    ) -> None:
        """Make the convolutions.

        Args:
            in_channels: Input channels of the block.
            inside: Channels of the 3x3 convolution, which has `CONV_GROUPS` groups.
            residual: Channels that are added.
            dense: Channels that are concatenated.
            stride: Of the 3x3 convolution.
            starts: Whether the block is the first of its stage, where both paths begin anew.
        """
        super().__init__()
        self.n_residual = residual
        self.inside = nn.Sequential(
            *conv_bn_relu(in_channels, inside, 1),
            *conv_bn_relu(inside, inside, stride=stride, groups=CONV_GROUPS),
            nn.Conv2d(inside, residual + dense, 1, bias=False),
            nn.BatchNorm2d(residual + dense),
        )
        self.shortcut = (
            projection(in_channels, residual + dense, stride) if starts else nn.Identity()
        )
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return the features, with the new channels of the dense path appended."""
        old, new = self.shortcut(x), self.inside(x)
        n = self.n_residual
        summed = old[:, :n] + new[:, :n]
        out: Tensor = self.act(torch.cat([summed, old[:, n:], new[:, n:]], 1))
        return out
