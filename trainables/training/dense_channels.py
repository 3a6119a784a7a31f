"""The channels of DenseNets: pytorch-cifar's have the newest first, ours and torchvision's last."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

LAYER = re.compile(r"dense(\d+)\.(\d+)\.(bn1\.\w+|conv1\.weight)")
TRANSITION = re.compile(r"trans(\d+)\.(bn\.\w+|conv\.weight)")
LAST = re.compile(r"(bn\.\w+|(?:linear|fc|classifier)\.weight)")


def with_newest_last(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a DenseNet of pytorch-cifar for channels in torchvision's order.

    Those of other networks are returned as they are. A layer puts its new channels ahead of those
    that it takes, so that the channels of a block are: those of the last layer, ..., those of the
    first layer, those that the block takes.
    """
    blocks = [match[1] for name in tensors if (match := LAYER.fullmatch(name))]
    if not blocks:
        return dict(tensors)
    last = max(blocks, key=int)
    changed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if match := LAYER.fullmatch(name) or TRANSITION.fullmatch(name):
            changed[name] = reordered(tensor, tensors, match[1])
        elif LAST.fullmatch(name):
            changed[name] = reordered(tensor, tensors, last)
        else:
            changed[name] = tensor
    return changed


def reordered(tensor: Tensor, tensors: Mapping[str, Tensor], block: str) -> Tensor:
    """Return a tensor with its input channels, of a block, in torchvision's order."""
    growth, taken = f"dense{block}.0.conv2.weight", f"dense{block}.0.bn1.weight"
    if not tensor.dim() or growth not in tensors or taken not in tensors:
        return tensor
    axis = min(tensor.dim() - 1, 1)
    n_new, n_taken = len(tensors[growth]), len(tensors[taken])
    *new, oldest = tensor.split(
        [n_new] * ((tensor.shape[axis] - n_taken) // n_new) + [n_taken], dim=axis
    )
    return torch.cat([oldest, *reversed(new)], dim=axis)
