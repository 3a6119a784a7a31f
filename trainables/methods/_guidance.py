"""What the attacks of GAT and NuAT compare with: the clean outputs in train mode."""

import torch
from torch import Tensor
from torch.nn import Module

from trainables.networks.folded_view import folded_view
from trainables.networks.modes import in_mode


def clean_logits(model: Module, network: Module, x: Tensor) -> Tensor:
    """Return the logits (N, K) of clean images in train mode, detached.

    The pass updates BatchNorm's running statistics before the attack uses them, as in the published
    codes.

    Args:
        model: What the attack sees: the network, or its folded view.
        network: The network.
        x: Clean images (N, C, H, W).
    """
    with in_mode(network, "train"), torch.no_grad():
        logits: Tensor = network(x)
    if model is not network:
        folded_view(network)  # refreshes the statistics of the view
    return logits


def every_other(step: int) -> int:
    """Return 0 at the first update, 1 at the second, and so on."""
    return (step - 1) % 2
