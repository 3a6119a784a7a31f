"""The 50-layer residual network of bottlenecks for small images (He et al., arXiv:1512.03385)."""

from torch import nn

from trainables.models._layers import STEMS, Stem, build_blocks, classifier, doubling_stages
from trainables.models._resnet import bottleneck_block


def build(shape: tuple[int, int, int], classes: int, *, stem: Stem = "small") -> nn.Module:
    """Return the network; 23.52 M parameters on CIFAR-10.

    Args:
        shape: Channels, height and width of an image; the last stage sees an eighth of both.
        classes: Number of classes K.
        stem: First layers: "small" is a 3x3 convolution, "large" the 7x7 one with stride 2 and
            pooling, for images of 224 pixels.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    return nn.Sequential(
        *STEMS[stem](shape[0], 64),
        *build_blocks(64, doubling_stages(256, (3, 4, 6, 3)), bottleneck_block),
        *classifier(2048, classes),
    )
