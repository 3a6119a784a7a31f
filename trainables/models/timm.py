"""Any classifier of timm, with its stem and head for the images; needs the extra `timm`.

Examples are vit_tiny_patch16_224 (Dosovitskiy et al., arXiv:2010.11929) and convnext_atto (Liu et
al., arXiv:2201.03545). Weights are not downloaded: `init=FILE` or
`weights=FILE` loads those of timm too.
"""

from types import ModuleType
from typing import Annotated

from pydantic import AfterValidator
from torch import nn

from trainables.errors import did_you_mean
from trainables.hparams.ranges import Count
from trainables.networks.resize import with_resizing


def load_timm() -> ModuleType:
    """Return the package.

    Raises:
        ValueError: If it is not installed.
    """
    try:
        import timm  # noqa: PLC0415  # an extra, and seconds to import
    except ImportError:
        raise ValueError(
            "needs the package timm; install it, for example with `uv sync --extra timm`"
        ) from None
    module: ModuleType = timm
    return module


def valid_network(name: str) -> str:
    """Return the name of a classifier of timm.

    Raises:
        ValueError: If there is no such classifier, no such version of it, or no timm.
    """
    timm = load_timm()
    if not timm.is_model(name.partition(".")[0]):
        raise ValueError(f"no network of timm.{did_you_mean(name, timm.list_models())}")
    try:
        timm.get_pretrained_cfg(name)
    except RuntimeError:  # the part behind the point, which selects published weights
        plain = name.partition(".")[0]
        raise ValueError(f"timm has no such version of {plain}; write {plain}") from None
    return name


def build(
    shape: tuple[int, int, int],
    classes: int,
    *,
    network: Annotated[str, AfterValidator(valid_network)] = "resnet18",
    resize: Count | None = None,
    patch: Count | None = None,
) -> nn.Module:
    """Return the network, untrained.

    Args:
        shape: Channels, height and width of an image; most are meant for 224 pixels.
        classes: Number of classes K.
        network: Its name in timm.
        resize: Side in pixels to which the network resizes images first; attacks still change the
            original pixels. `None`: images stay as they are, and transformers are built for them.
        patch: Side in pixels of the patches of a vision transformer, e.g. 4 for small images.
            `None`: that of its name.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    timm = load_timm()
    settings: dict[str, object] = {} if patch is None else {"patch_size": patch}
    about = timm.get_pretrained_cfg(network)
    if about is not None and about.fixed_input_size:
        settings["img_size"] = (resize, resize) if resize else shape[1:]
    net: nn.Module = timm.create_model(
        network, pretrained=False, num_classes=classes, in_chans=shape[0], **settings
    )
    return with_resizing(net, resize)
