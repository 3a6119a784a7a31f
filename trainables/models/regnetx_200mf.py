"""RegNetX-200MF for small images (Radosavovic et al., arXiv:2003.13678)."""

from torch import nn

from trainables.models._layers import Stage
from trainables.models._regnet import regnetx

STAGES = [Stage(24, 1, 1), Stage(56, 1, 1), Stage(152, 4, 2), Stage(368, 7, 2)]


def build(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return the network; 2.32 M parameters on CIFAR-10.

    Args:
        shape: Channels, height and width of an image; the last stage sees a quarter of both.
        classes: Number of classes K.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    return regnetx(shape[0], classes, STAGES, group=8)
