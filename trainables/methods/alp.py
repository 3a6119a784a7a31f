"""Adversarial logit pairing (Kannan et al., 2018, arXiv:1803.06373)."""

import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative
from trainables.methods.pgd_at import inner as inner
from trainables.protocols import Criterion


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    scale: float = 1.0,
    beta: NonNegative = 1.0,
) -> Tensor:
    """Return the training loss: mean of clean and adversarial loss plus a logit penalty.

    As in the published code of hypersphere embedding. ALP is known to mask gradients: evaluate it
    with more than PGD.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        scale: Scale of the logits in hypersphere embedding; pairing divides by it.
        beta: Weight of the squared distance of the logits, averaged over batch and classes.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    clean, adversarial = model(x), model(x_adv)
    both = 0.5 * criterion(clean, y) + 0.5 * criterion(adversarial, y)
    return both.mean() + beta * F.mse_loss(clean / scale, adversarial / scale)
