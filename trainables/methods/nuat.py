"""Nuclear-norm adversarial training (Sriramanan et al., 2021, openreview:kuK2VARZGnI)."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import Fraction, NonNegative
from trainables.methods._guidance import clean_logits, every_other
from trainables.protocols import AttackObjective, Criterion

COMPANIONS = {
    "attack": {"name": "fgsm_bernoulli"},
    "update": {"name": "alternate", "mode": "eval"},
}
WHOLE_BATCH = True
"""The nuclear norm is that of the outputs of a batch, and depends on its size."""
WEIGHT, RAMP = 4.5, 0.9
"""The knobs of both functions in the published code."""


def inner(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    network: Module,
    step: int = 1,
    epoch: int = 0,
    epochs: int = 1,
    weight: NonNegative = WEIGHT,
    ramp: Fraction = RAMP,
) -> AttackObjective:
    """Return the objective of the attack: cross-entropy, in every other update plus the norm.

    Args:
        model: What the attack sees of the network.
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        network: The network, which passes the clean images in train mode.
        step: Updates since the start of training, this one included; the first is without the norm.
        epoch: Epochs finished so far.
        epochs: Epochs of the run.
        weight: As in `outer`.
        ramp: As in `outer`.
    """
    clean = clean_logits(model, network, x)
    guidance = every_other(step) * weight_now(weight, ramp, epoch, epochs)

    def objective(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(x_adv)
        norm = nuclear_norm(clean - logits)
        return F.cross_entropy(logits, y, reduction="none") + guidance * norm, logits

    return objective


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    epoch: int = 0,
    epochs: int = 1,
    weight: NonNegative = WEIGHT,
    ramp: Fraction = RAMP,
) -> Tensor:
    """Return the training loss: the clean loss plus the nuclear norm of the change of the logits.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        epoch: Epochs finished so far.
        epochs: Epochs of the run.
        weight: Weight of the norm, divided by the batch size, at the end of its ramp.
        ramp: Share of the run over which the weight grows from 0, once an epoch. The code with
            weight averaging has 1.

    Returns:
        Scalar, in nats.
    """
    adversarial, clean = model(x_adv), model(x)
    norm = nuclear_norm(clean - adversarial)
    return criterion(clean, y).mean() + weight_now(weight, ramp, epoch, epochs) * norm


def nuclear_norm(change: Tensor) -> Tensor:
    """Return the sum of the singular values of logits (N, K), divided by N (scalar)."""
    wide = change if change.dtype == torch.float64 else change.float()
    norm: Tensor = torch.linalg.matrix_norm(wide, ord="nuc") / len(change)
    return norm


def weight_now(weight: float, ramp: float, epoch: int, epochs: int) -> float:
    """Return the weight in an epoch; without a branch, as a CUDA graph has none.

    >>> [weight_now(9.0, 0.9, epoch, 10) for epoch in (0, 1, 9)]
    [0.0, 1.0, 9.0]
    """
    if not ramp:
        return weight
    share = epoch / (ramp * epochs)
    return weight * (share - (share - 1) * (share > 1))
