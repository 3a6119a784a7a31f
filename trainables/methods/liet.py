"""LIET: label information elimination (Pan et al., ICCV 2025).

The paper is iccv.thecvf.com/virtual/2025/poster/1081.
"""

import math

import torch
from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative
from trainables.methods.fgsm_pgi import inner as inner
from trainables.protocols import AttackStart, Criterion

COMPANIONS = {
    "attack": {"name": "label_information"},
    "update": {"name": "paired"},
    "criterion": {"name": "random_smoothing"},
}


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    start: AttackStart,
    epoch: int = 0,
    epochs: int = 1,
    weight: NonNegative = 100.0,
) -> Tensor:
    """Return the training loss: the adversarial loss plus a divergence between start and end.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1]; they stand in for a start that is not shared.
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        start: Start of the attack, of which the update `paired` shares the logits.
        epoch: Epochs finished so far.
        epochs: Epochs of the run.
        weight: Weight of the Jensen-Shannon divergence in the last epoch; it grows linearly, once
            an epoch. The published settings are 100, 200 on CIFAR-100 and 20 above 8/255.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    _, before = start.or_clean(model, x)
    after = model(x_adv)
    now = weight * (epoch + 1) / epochs
    return (criterion(after, y) + now * jensen_shannon(before, after)).mean()


def jensen_shannon(one: Tensor, other: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence of two batches of logits (N, K), as (N,) nats."""
    log_p, log_q = one.log_softmax(dim=1), other.log_softmax(dim=1)
    log_m = torch.logaddexp(log_p, log_q) - math.log(2)
    both = log_p.exp() * (log_p - log_m) + log_q.exp() * (log_q - log_m)
    return both.sum(dim=1) / 2
