"""WRN-28-10, a wide residual network (Zagoruyko and Komodakis, arXiv:1605.07146)."""

from torch import nn

from trainables.hparams.ranges import Count
from trainables.models._wide_resnet import wide_resnet


def build(shape: tuple[int, int, int], classes: int, *, width: Count = 16) -> nn.Module:
    """Return the network; 36.48 M parameters on CIFAR-10 at full width.

    Args:
        shape: Channels, height and width of an image; the last stage sees a quarter of both.
        classes: Number of classes K.
        width: Channels of the stem; the three stages have 10, 20 and 40 times as many.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    return wide_resnet(shape[0], classes, depth=28, widen=10, width=width)
