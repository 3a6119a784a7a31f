"""Any classifier of torchvision, unchanged, e.g. for pretrained weights.

The default is ResNet-18 for photographs (He et al., arXiv:1512.03385). The
networks of this folder have stems for small images; prefer them for training.
"""

from typing import Annotated

from pydantic import AfterValidator
from torch import nn
from torchvision import models

from trainables.errors import did_you_mean


def valid_network(name: str) -> str:
    """Return the name of a classifier of torchvision.

    Raises:
        ValueError: If there is no such classifier.
    """
    names = models.list_models(module=models)
    if name not in names:
        raise ValueError(f"no classifier of torchvision.{did_you_mean(name, names)}")
    return name


def build(
    shape: tuple[int, int, int],  # the networks pool images of any size
    classes: int,
    *,
    network: Annotated[str, AfterValidator(valid_network)] = "resnet18",
) -> nn.Module:
    """Return the network, untrained.

    Args:
        shape: Channels, height and width of an image; most are meant for 224 pixels, and take other
            sizes too.
        classes: Number of classes K.
        network: Its name in `torchvision.models`.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    net: nn.Module = models.get_model(network, weights=None, num_classes=classes)
    if shape[0] != 3:
        replace_first_conv(net, shape[0])
    return net


def replace_first_conv(net: nn.Module, channels: int) -> None:
    """Replace the first convolution of a network by one for `channels` input channels."""
    path, first = next((n, m) for n, m in net.named_modules() if isinstance(m, nn.Conv2d))
    parent, _, name = path.rpartition(".")
    conv = nn.Conv2d(
        channels,
        first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]  # a pair, as torch stores it
        first.stride,  # type: ignore[arg-type]
        first.padding,  # type: ignore[arg-type]
        bias=first.bias is not None,
    )
    setattr(net.get_submodule(parent), name, conv)
