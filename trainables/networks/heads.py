"""The last layer of any network: linear, or hypersphere embedding.

The logits of hypersphere embedding (Pang et al., 2020, arXiv:2002.08619) are the cosines between
the feature and one direction per class, times a scale. The scale is part of the network, so attacks
and validation use the same logits. The margin is part of the criterion and affects only training.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainables.hparams.ranges import Positive


class CosineHead(nn.Module):
    """A scale times the cosines between features and class directions.

    Attributes:
        weight: One unit direction per class, (K, D). Each forward pass projects it to the sphere;
            the norm is not differentiated, as in the published code.
        scale: Factor of the cosines.
    """

    def __init__(self, features: int, classes: int, s: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(F.normalize(torch.randn(classes, features), dim=1))
        self.scale = s

    def forward(self, z: Tensor) -> Tensor:
        """Return the logits (N, K) of features (N, D)."""
        # on .data: autograd treats an in-place projection as a change of a saved tensor;
        # in place, because CUDA graphs and folded views keep the address
        self.weight.data.copy_(F.normalize(self.weight.data, dim=1))
        return self.scale * F.linear(F.normalize(z, dim=1), self.weight)


def with_head(
    net: nn.Module, *, head: Literal["linear", "cosine"] = "linear", s: Positive = 15.0
) -> nn.Module:
    """Return `net` with the chosen last layer.

    Args:
        net: A network whose last linear layer computes the logits; changed in place.
        head: "linear" keeps the last layer, "cosine" replaces it by hypersphere embedding.
        s: Scale of the cosines; the published code has 10 with PGD-AT, 15 with TRADES and 20 with
            ALP.
    """
    if head == "cosine":
        *_, (path, last) = [(n, m) for n, m in net.named_modules() if isinstance(m, nn.Linear)]
        parent, _, name = path.rpartition(".")
        cosine = CosineHead(last.in_features, last.out_features, s)
        setattr(net.get_submodule(parent), name, cosine)
    return net


def cosine_scale(model: nn.Module) -> float:
    """Return the scale of the cosine head of `model`; 1 for a linear head."""
    return next((m.scale for m in model.modules() if isinstance(m, CosineHead)), 1.0)
