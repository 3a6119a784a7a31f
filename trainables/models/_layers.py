"""Parts of networks for small images: a stem, stages of blocks and a classifier."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from torch import nn


class Stage(NamedTuple):
    """Blocks that see maps of one size.

    Attributes:
        width: Channels of the features that each block returns.
        depth: Number of blocks.
        stride: What the first block divides height and width by.
    """

    width: int
    depth: int
    stride: int


def doubling_stages(width: int, depths: Sequence[int]) -> list[Stage]:
    """Return stages that double the width and halve the map, from the second one on."""
    return [Stage(width * 2**i, depth, 2 if i else 1) for i, depth in enumerate(depths)]


def build_blocks(
    in_channels: int, plan: Sequence[Stage], block: Callable[[int, int, int], nn.Module]
) -> Iterator[nn.Module]:
    """Yield the blocks of all stages.

    Args:
        in_channels: Input channels of the first block.
        plan: The stages.
        block: Takes input channels, output channels and stride.
    """
    for width, depth, stride in plan:
        for index in range(depth):
            yield block(in_channels, width, 1 if index else stride)
            in_channels = width


def conv_bn_relu(
    in_channels: int,
    out_channels: int,
    size: int = 3,
    *,
    stride: int = 1,
    groups: int = 1,
    bias: bool = False,
) -> list[nn.Module]:
    """Return a padded convolution, BatchNorm and an activation."""
    return [
        nn.Conv2d(in_channels, out_channels, size, stride, size // 2, groups=groups, bias=bias),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    ]


def large_stem(in_channels: int, out_channels: int) -> list[nn.Module]:
    """Return the stem for large images: it divides height and width by four."""
    return [
        *conv_bn_relu(in_channels, out_channels, 7, stride=2),
        nn.MaxPool2d(3, stride=2, padding=1),
    ]


Stem = Literal["small", "large"]
STEMS: dict[Stem, Callable[[int, int], list[nn.Module]]] = {
    "small": conv_bn_relu,
    "large": large_stem,
}


def projection(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    """Return a 1x1 convolution and BatchNorm, the shortcut where features change shape."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
    )


def classifier(features: int, classes: int) -> list[nn.Module]:
    """Return layers that map features (N, features, H, W) of any size to logits (N, classes)."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, classes)]
