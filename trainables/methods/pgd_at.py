"""Adversarial training on adversarial images only (Madry et al., 2018, arXiv:1706.06083)."""

import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.protocols import AttackObjective, Criterion


def inner(model: Module, x: Tensor, y: Tensor) -> AttackObjective:
    """Return the objective of the attack: cross-entropy."""

    def objective(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(x_adv)
        return F.cross_entropy(logits, y, reduction="none"), logits

    return objective


def outer(model: Module, x: Tensor, x_adv: Tensor, y: Tensor, *, criterion: Criterion) -> Tensor:
    """Return the training loss: the criterion at the adversarial images.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1]; unused.
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    return criterion(model(x_adv), y).mean()
