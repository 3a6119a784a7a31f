"""ResNeXt-29 (2x64d): bottlenecks of two wide groups (Xie et al., arXiv:1611.05431).

The stem is 1x1, as in the code behind Bag of Tricks (arXiv:2010.00467); the paper's is 3x3.
"""

from functools import partial

from torch import nn

from trainables.models._layers import build_blocks, classifier, conv_bn_relu, doubling_stages
from trainables.models._resnet import bottleneck_block


def build(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return the network; 9.13 M parameters on CIFAR-10.

    Args:
        shape: Channels, height and width of an image; the last stage sees a quarter of both.
        classes: Number of classes K.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    return nn.Sequential(
        *conv_bn_relu(shape[0], 64, 1),
        *build_blocks(64, doubling_stages(256, (3, 3, 3)), partial(bottleneck_block, groups=2)),
        *classifier(1024, classes),
    )
