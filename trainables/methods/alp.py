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
    """Return what training minimises: the mean of both criteria plus a price on moved logits.

    In the form of the published hypersphere-embedding code; known to mask gradients, so judge it
    by more than PGD.

    Args:
        model: Images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Attacked images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        scale: What the logits of hypersphere embedding were multiplied by; pairing undoes it.
        beta: Price of the squared distance of the logits, averaged over batch and classes.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    clean, adversarial = model(x), model(x_adv)
    both = 0.5 * criterion(clean, y) + 0.5 * criterion(adversarial, y)
    return both.mean() + beta * F.mse_loss(clean / scale, adversarial / scale)
