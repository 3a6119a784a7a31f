"""GoogLeNet for small images, without auxiliary classifiers (Szegedy et al., arXiv:1409.4842).

With BatchNorm, and two 3x3 convolutions in place of each 5x5, after Ioffe and Szegedy
(arXiv:1502.03167); the stem is a single convolution.
"""

import torch
from torch import Tensor, nn

from trainables.models._layers import classifier, conv_bn_relu


def build(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return the network; 6.17 M parameters on CIFAR-10.

    Args:
        shape: Channels, height and width of an image; the last blocks see a quarter of both.
        classes: Number of classes K.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    return nn.Sequential(
        *conv_bn_relu(shape[0], 192, bias=True),
        Inception(192, 64, (96, 128), (16, 32), 32),
        Inception(256, 128, (128, 192), (32, 96), 64),
        nn.MaxPool2d(3, stride=2, padding=1),
        Inception(480, 192, (96, 208), (16, 48), 64),
        Inception(512, 160, (112, 224), (24, 64), 64),
        Inception(512, 128, (128, 256), (24, 64), 64),
        Inception(512, 112, (144, 288), (32, 64), 64),
        Inception(528, 256, (160, 320), (32, 128), 128),
        nn.MaxPool2d(3, stride=2, padding=1),
        Inception(832, 256, (160, 320), (32, 128), 128),
        Inception(832, 384, (192, 384), (48, 128), 128),
        *classifier(1024, classes),
    )


class Inception(nn.Module):
    """Four branches side by side: 1x1, 3x3 and 5x5 convolutions, and pooling.

    Attributes:
        branches: Each from the same features to maps of the same size.
    """

    def __init__(
        self, in_channels: int, one: int, three: tuple[int, int], five: tuple[int, int], pooled: int
    ) -> None:
        """Make the branches.

        Args:
            in_channels: Input channels of the block.
            one: Channels of the 1x1 branch.
            three: Channels of the 3x3 branch, reduced and at its end.
            five: Likewise of the 5x5 branch.
            pooled: Channels of the pooling branch.
        """
        super().__init__()
        self.branches = nn.ModuleList([
            nn.Sequential(*conv_bn_relu(in_channels, one, 1, bias=True)),
            nn.Sequential(
                *conv_bn_relu(in_channels, three[0], 1, bias=True), *conv_bn_relu(*three, bias=True)
            ),
            nn.Sequential(
                *conv_bn_relu(in_channels, five[0], 1, bias=True),
                *conv_bn_relu(*five, bias=True),
                *conv_bn_relu(five[1], five[1], bias=True),
            ),
            nn.Sequential(
                nn.MaxPool2d(3, stride=1, padding=1),
                *conv_bn_relu(in_channels, pooled, 1, bias=True),
            ),
        ])

    def forward(self, x: Tensor) -> Tensor:
        """Return the features (N, sum of the branches, H, W) of features (N, in_channels, H, W)."""
        return torch.cat([branch(x) for branch in self.branches], 1)
