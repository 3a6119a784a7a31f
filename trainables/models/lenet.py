"""The MNIST network of Madry et al. (2018, arXiv:1706.06083)."""

from torch import nn

from trainables.models._activations import MODULES, Activation


def build(
    shape: tuple[int, int, int], classes: int, *, activation: Activation = "relu"
) -> nn.Module:
    """Return two pooled 5x5 convolutions and two linear layers; 3,274,634 parameters on MNIST.

    Args:
        shape: Channels, height and width of an image; height and width at least 4.
        classes: Number of classes K.
        activation: What follows each layer but the last.

    Returns:
        Images (N, C, H, W) to logits (N, K).
    """
    channels, height, width = shape
    act = MODULES[activation]
    return nn.Sequential(
        nn.Conv2d(channels, 32, 5, padding=2),
        act(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2),
        act(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * (height // 4) * (width // 4), 1024),
        act(),
        nn.Linear(1024, classes),
    )
