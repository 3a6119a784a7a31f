"""Any classifier of torchvision, with its stem and head for the images, e.g. for loaded weights.

The default is ResNet-18 for photographs (He et al., arXiv:1512.03385); ConvNeXt and vision
transformers are others. The networks of this folder have stems for small images; prefer them for
training from scratch.
"""

from typing import Annotated

from pydantic import AfterValidator
from torch import nn
from torchvision import models

from trainables.errors import did_you_mean
from trainables.hparams.ranges import Count
from trainables.networks.resize import with_resizing

WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")
"""Networks whose auxiliary heads are left out: with them, training returns several logits."""


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
    shape: tuple[int, int, int],
    classes: int,
    *,
    network: Annotated[str, AfterValidator(valid_network)] = "resnet18",
    resize: Count | None = None,
) -> nn.Module:
    """Return the network, untrained.

    Args:
        shape: Channels, height and width of an image; most are meant for 224 pixels, and take other
            sizes too.
        classes: Number of classes K.
        network: Its name in `torchvision.models`.
        resize: Side in pixels to which the network resizes images first; attacks still change the
            original pixels. Vision transformers need a multiple of their patches. `None`: images
            stay as they are.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).

    Raises:
        ValueError: If a vision transformer does not take images of this size.
    """
    net: nn.Module = models.get_model(
        network,
        weights=None,
        num_classes=classes,
        **size_knob(network, shape, resize),
        **auxiliary_knobs(network),
    )
    if shape[0] != 3:
        replace_first_conv(net, shape[0])
    return with_resizing(net, resize)


def auxiliary_knobs(network: str) -> dict[str, bool]:
    """Return torchvision's arguments that leave out auxiliary heads, of networks that have them."""
    if network not in WITH_AUXILIARY_HEADS:
        return {}
    return {"aux_logits": False, "init_weights": True}  # else torchvision warns of its default


def size_knob(network: str, shape: tuple[int, int, int], resize: int | None) -> dict[str, int]:
    """Return torchvision's argument for the size of the images, of networks that fix it.

    Raises:
        ValueError: If the network does not take images of this size.
    """
    if not network.startswith("vit_"):
        return {}
    patch = int(network.rpartition("_")[2])
    height, width = (resize, resize) if resize else shape[1:]
    if height != width or height % patch:
        raise ValueError(
            f"{network} takes squares of a multiple of {patch} pixels, got {height}x{width}; write "
            f"model.resize={max(patch, -(-height // patch) * patch)}"
        )
    return {"image_size": height}


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
