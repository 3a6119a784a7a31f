"""Wide residual networks without dropout (Zagoruyko and Komodakis, arXiv:1605.07146).

Blocks and first weights are those of TRADES (arXiv:1901.08573) and Bag of Tricks
(arXiv:2010.00467).
"""

from torch import nn

from trainables.models._layers import doubling_stages
from trainables.models._preact import preact_resnet


def wide_resnet(channels: int, classes: int, *, depth: int, widen: int, width: int) -> nn.Module:
    """Return WRN-`depth`-`widen`.

    Args:
        channels: Channels of an image.
        classes: Number of classes K.
        depth: Number of convolutions on the longest path, and 1: 6 n + 4 for n blocks a stage.
        widen: Factor of the width of each stage.
        width: Channels of the stem.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    depths = [(depth - 4) // 6] * 3
    net = preact_resnet(channels, classes, width, doubling_stages(width * widen, depths))
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
    return net
