"""Dynamic adversarial training: losses weighted by themselves (Wang et al., arXiv:2112.08304)."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import Fraction
from trainables.methods.pgd_at import inner as inner
from trainables.networks.modes import in_mode
from trainables.protocols import Criterion

COMPANIONS = {"attack": {"name": "dynamic", "origin": "start", "project_start": False}}


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    progress: float = 0.0,
    weighted_from: Fraction = 1 / 120,
) -> Tensor:
    """Return the training loss: the criterion at the adversarial images, weighted.

    The weight of an image is its cross-entropy at the adversarial image, with BatchNorm in eval
    mode: a constant. Weights are not normalised, so that their mean lengthens the step. As in the
    published code, which has them from the second epoch on.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1]; unused.
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        progress: Completed share of the run, in [0, 1].
        weighted_from: Share of the run from which losses are weighted: epoch 1 of 120 is 1/120; 1
            is PGD-AT.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    with torch.no_grad(), in_mode(model, "eval"):
        weights = F.cross_entropy(model(x_adv), y, reduction="none")
    weights = weights ** (1.0 * (progress >= weighted_from))  # 1 before, without a branch
    return (weights * criterion(model(x_adv), y)).mean()
