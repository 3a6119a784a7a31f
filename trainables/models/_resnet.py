"""Torchvision's residual blocks (He et al., arXiv:1512.03385), with their shortcuts.

Only the blocks are used: torchvision's networks differ in width and weight initialisation from the
networks for small images in the literature.
"""

from torch import nn

from trainables.models._layers import projection


def basic_block(before: int, after: int, stride: int) -> nn.Module:
    """Return two 3x3 convolutions beside a shortcut."""
    from torchvision.models.resnet import BasicBlock  # noqa: PLC0415  # seconds to import

    block: nn.Module = BasicBlock(before, after, stride, build_shortcut(before, after, stride))
    return block


def bottleneck_block(before: int, after: int, stride: int, *, groups: int = 1) -> nn.Module:
    """Return 1x1, 3x3 and 1x1 convolutions beside a shortcut.

    Args:
        before: Channels of what the block takes.
        after: Channels of what it returns.
        stride: Of the 3x3 convolution.
        groups: Of the 3x3 convolution, each a quarter as wide as `after`.
    """
    from torchvision.models.resnet import Bottleneck  # noqa: PLC0415  # seconds to import

    narrow = after // Bottleneck.expansion
    block: nn.Module = Bottleneck(
        before, narrow, stride, build_shortcut(before, after, stride), groups=groups
    )
    return block


def build_shortcut(before: int, after: int, stride: int) -> nn.Module | None:
    """Return the shortcut of a block. `None`: the identity, as the shape does not change."""
    return projection(before, after, stride) if stride != 1 or before != after else None
