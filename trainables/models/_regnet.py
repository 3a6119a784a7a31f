"""RegNetX of any plan (Radosavovic et al., arXiv:2003.13678), of torchvision's blocks."""

from collections.abc import Sequence
from functools import partial

from torch import nn

from trainables.models._layers import Stage, build_blocks, classifier, conv_bn_relu


def regnetx(channels: int, classes: int, plan: Sequence[Stage], group: int) -> nn.Module:
    """Return the network.

    Args:
        channels: Channels of an image.
        classes: Number of classes K.
        plan: The stages.
        group: Channels of each group of the 3x3 convolutions.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    return nn.Sequential(
        *conv_bn_relu(channels, 64),
        *build_blocks(64, plan, partial(regnet_block, group=group)),
        *classifier(plan[-1].width, classes),
    )


def regnet_block(in_channels: int, out_channels: int, stride: int, *, group: int) -> nn.Module:
    """Return 1x1, grouped 3x3 and 1x1 convolutions with a shortcut."""
    from torchvision.models.regnet import ResBottleneckBlock  # noqa: PLC0415  # seconds to import

    made: nn.Module = ResBottleneckBlock(
        in_channels, out_channels, stride, nn.BatchNorm2d, nn.ReLU, group
    )
    return made
