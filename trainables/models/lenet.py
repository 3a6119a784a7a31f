"""The MNIST network of Madry et al. (2018, arXiv:1706.06083)."""

from torch import nn


def build(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return two pooled 5x5 convolutions and two linear layers; 3,274,634 parameters on MNIST.

    Args:
        shape: Channels, height and width of an image; height and width at least 4.
        classes: Number of classes K.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    channels, height, width = shape
    return nn.Sequential(
        nn.Conv2d(channels, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * (height // 4) * (width // 4), 1024),
        nn.ReLU(),
        nn.Linear(1024, classes),
    )
