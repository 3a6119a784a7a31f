"""FGSM with prior-guided initialisation (Jia et al., 2022, arXiv:2207.08859)."""

import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative
from trainables.protocols import AttackObjective, AttackStart, Criterion

COMPANIONS = {
    "attack": {"name": "prior_epoch"},
    "update": {"name": "paired"},
    "criterion": {"name": "cross_entropy", "smoothing": 0.4},
}
"""The published code gives the label 0.6, in the attack too."""


def inner(model: Module, x: Tensor, y: Tensor, *, criterion: Criterion) -> AttackObjective:
    """Return the objective of the attack: the criterion, with its smoothing."""

    def objective(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(x_adv)
        return criterion(logits, y), logits

    return objective


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    start: AttackStart,
    weight: NonNegative = 10.0,
) -> Tensor:
    """Return the training loss: the adversarial loss plus the change of the logits by the step.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1]; they stand in for a start that is not shared.
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        start: Start of the attack, of which the update `paired` shares the logits.
        weight: Weight of the squared change, averaged over batch and classes; lambda of the code.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    _, before = start.or_clean(model, x)
    after = model(x_adv)
    return criterion(after, y).mean() + weight * F.mse_loss(after, before)
