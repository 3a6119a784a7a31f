"""The last layer of any network: linear, or hypersphere embedding.

Hypersphere embedding (Pang et al., 2020, arXiv:2002.08619) gives cosines between the feature and
one direction a class, times a scale. The scale is part of the network, so that whoever attacks or
examines it meets the same logits; the margin belongs to the criterion and so to training alone.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainables.hparams.ranges import Positive


class CosineHead(nn.Module):
    """A scale times the cosines between features and class directions.

    Attributes:
        weight: One unit direction a class, (K, D). Put back on the sphere at each pass, by
            projection rather than by a derivative through the norm, as in the published code.
        scale: The scale.
    """

    def __init__(self, features: int, classes: int, s: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(F.normalize(torch.randn(classes, features), dim=1))
        self.scale = s

    def forward(self, z: Tensor) -> Tensor:
        """Return the logits (N, K) of features (N, D)."""
        # past autograd, which would take a projected weight for a changed one
        self.weight.data = F.normalize(self.weight.data, dim=1)
        return self.scale * F.linear(F.normalize(z, dim=1), self.weight)


def with_head(
    net: nn.Module, *, head: Literal["linear", "cosine"] = "linear", s: Positive = 15.0
) -> nn.Module:
    """Return `net` with the last layer asked for.

    Args:
        net: A network whose last linear layer gives the logits; changed in place.
        head: "linear" leaves it, "cosine" puts hypersphere embedding there.
        s: What cosines are multiplied by; the published code has 10 with PGD-AT, 15 with TRADES and
            20 with ALP.
    """
    if head == "cosine":
        *_, (path, last) = [(n, m) for n, m in net.named_modules() if isinstance(m, nn.Linear)]
        parent, _, name = path.rpartition(".")
        cosine = CosineHead(last.in_features, last.out_features, s)
        setattr(net.get_submodule(parent), name, cosine)
    return net


def cosine_scale(model: nn.Module) -> float:
    """Return what the cosines of `model` are multiplied by; 1 if its logits are no cosines."""
    return next((m.scale for m in model.modules() if isinstance(m, CosineHead)), 1.0)
