"""Torchvision's residual blocks (He et al., arXiv:1512.03385), with their shortcuts.

Only the blocks are used: torchvision's networks differ in width and weight initialisation from the
networks for small images in the literature.
"""

from torch import nn

from trainables.models._layers import projection


def basic_block(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Return two 3x3 convolutions with a shortcut."""
    from torchvision.models.resnet import BasicBlock  # noqa: PLC0415  # seconds to import

    block: nn.Module = BasicBlock(
        in_channels, out_channels, stride, build_shortcut(in_channels, out_channels, stride)
    )
    return block


def bottleneck_block(
    in_channels: int, out_channels: int, stride: int, *, groups: int = 1
) -> nn.Module:
    """Return 1x1, 3x3 and 1x1 convolutions with a shortcut.

    Args:
        in_channels: Input channels of the block.
        out_channels: Output channels of the block.
        stride: Of the 3x3 convolution.
        groups: Of the 3x3 convolution, each a quarter as wide as `out_channels`.
    """
    from torchvision.models.resnet import Bottleneck  # noqa: PLC0415  # seconds to import

    narrow = out_channels // Bottleneck.expansion
    block: nn.Module = Bottleneck(
        in_channels,
        narrow,
        stride,
        build_shortcut(in_channels, out_channels, stride),
        groups=groups,
    )
    return block


def build_shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    """Return the shortcut of a block. `None`: the identity, as the shape does not change."""
    return (
        projection(in_channels, out_channels, stride)
        if stride != 1 or in_channels != out_channels
        else None
    )
