"""A wide residual network of any depth and width (Zagoruyko and Komodakis, arXiv:1605.07146)."""

from typing import Annotated

from pydantic import AfterValidator
from torch import nn

from trainables.hparams.ranges import Count
from trainables.models import _wide_resnet


def valid_depth(depth: int) -> int:
    """Return `depth`.

    Raises:
        ValueError: If no number of blocks has it.
    """
    if depth < 10 or (depth - 4) % 6:
        raise ValueError("must be 10, 16, 22, ..., 6 n + 4")
    return depth


Depth = Annotated[Count, AfterValidator(valid_depth)]


def build(
    shape: tuple[int, int, int],
    classes: int,
    *,
    depth: Depth = 34,
    widen: Count = 10,
    width: Count = 16,
) -> nn.Module:
    """Return WRN-`depth`-`widen`; 46.16 M parameters on CIFAR-10 by default.

    Args:
        shape: Channels, height and width of an image; the last stage sees a quarter of both.
        classes: Number of classes K.
        depth: Number of layers: 10, 16, 22, ..., 6 n + 4 for n blocks in each of three stages.
        widen: Factor of the width of each stage.
        width: Channels of the stem, and of the first stage before it is widened.

    Returns:
        A network that maps images (N, C, H, W) to logits (N, K).
    """
    return _wide_resnet.wide_resnet(shape[0], classes, depth=depth, widen=widen, width=width)
