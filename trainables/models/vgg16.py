"""VGG-16 for small images (Simonyan and Zisserman, arXiv:1409.1556).

With BatchNorm, and one linear layer in place of three.
"""

from torch import nn

from trainables.hparams.ranges import Count
from trainables.models._layers import classifier, conv_bn_relu


def build(shape: tuple[int, int, int], classes: int, *, width: Count = 64) -> nn.Module:
    """Return the network; 14.73 M parameters on CIFAR-10 at full width, 3.69 M at half.

    Args:
        shape: Channels, height and width of an image; five poolings halve both.
        classes: Number of classes K.
        width: Channels of the first stage; the others have 2, 4, 8 and 8 times as many.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    layers: list[nn.Module] = []
    in_channels = shape[0]
    for times, depth in ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3)):
        for _ in range(depth):
            layers += conv_bn_relu(in_channels, times * width, bias=True)
            in_channels = times * width
        layers.append(
            nn.MaxPool2d(2, ceil_mode=True)
        )  # ceil_mode keeps a pixel of images below 32 x 32
    return nn.Sequential(*layers, *classifier(in_channels, classes))
