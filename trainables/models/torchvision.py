"""Any classifier of torchvision, as it is there: for weights that were trained elsewhere.

The networks of this folder have stems for small images and activations to choose from; prefer them
for training.
"""

from typing import Annotated

from pydantic import AfterValidator
from torch import nn
from torchvision import models

from trainables.problems import did_you_mean


def known(name: str) -> str:
    """Return the name of a classifier of torchvision.

    Raises:
        ValueError: If there is none of that name.
    """
    names = models.list_models(module=models)
    if name not in names:
        raise ValueError(f"no classifier of torchvision.{did_you_mean(name, names)}")
    return name


def build(
    shape: tuple[int, int, int],  # they pool whatever size there is
    classes: int,
    *,
    network: Annotated[str, AfterValidator(known)] = "resnet18",
) -> nn.Module:
    """Return the network, untrained.

    Args:
        shape: Channels, height and width of an image; most want 3 channels and 224 pixels.
        classes: Number of classes K.
        network: Its name in `torchvision.models`.

    Returns:
        Images (N, C, H, W) to logits (N, K).
    """
    net: nn.Module = models.get_model(network, weights=None, num_classes=classes)
    return net
