"""The 18-layer residual network for small images (He et al., arXiv:1512.03385).

Activations come after the sums, unlike in `preact_resnet18`.
"""

from torch import nn

from trainables.hparams.ranges import Count
from trainables.models._layers import STEMS, Stem, build_blocks, classifier, doubling_stages
from trainables.models._resnet import basic_block


def build(
    shape: tuple[int, int, int], classes: int, *, width: Count = 64, stem: Stem = "small"
) -> nn.Module:
    """Return the network; 11.17 M parameters on CIFAR-10 at full width, 2.80 M at half.

    Args:
        shape: Channels, height and width of an image; the last stage sees an eighth of both.
        classes: Number of classes K.
        width: Channels of the first stage; doubled at each of the three that follow.
        stem: First layers: "small" is a 3x3 convolution, "large" the 7x7 one with stride 2 and
            pooling, for images of 224 pixels.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    return nn.Sequential(
        *STEMS[stem](shape[0], width),
        *build_blocks(width, doubling_stages(width, (2, 2, 2, 2)), basic_block),
        *classifier(8 * width, classes),
    )
