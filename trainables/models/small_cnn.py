"""The small MNIST network of "Fast is better than free" (Wong et al., 2020, arXiv:2001.03994)."""

from torch import nn


def build(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Return two strided convolutions and two linear layers; 166,406 parameters on MNIST.

    Args:
        shape: Channels, height and width of an image; height and width at least 4.
        classes: Number of classes K.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    channels, height, width = shape
    return nn.Sequential(
        nn.Conv2d(channels, 16, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * (height // 4) * (width // 4), 100),
        nn.ReLU(),
        nn.Linear(100, classes),
    )
