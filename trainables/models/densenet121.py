"""DenseNet-121 for small images (Huang et al., arXiv:1608.06993)."""

from torch import nn

from trainables.models._densenet import densenet


def build(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return the network; 6.96 M parameters on CIFAR-10.

    Args:
        shape: Channels, height and width of an image; the last block sees an eighth of both.
        classes: Number of classes K.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    return densenet(shape[0], classes, (6, 12, 24, 16))
