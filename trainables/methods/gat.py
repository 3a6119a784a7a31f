"""Guided adversarial training (Sriramanan et al., 2020, arXiv:2011.14969)."""

import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import AtLeastOne, Fraction, NonNegative
from trainables.methods._guidance import clean_logits, every_other
from trainables.protocols import AttackObjective, Criterion

COMPANIONS = {
    "attack": {"name": "fgsm_bernoulli"},
    "update": {"name": "alternate", "mode": "eval"},
}
WEIGHT, LATE_FACTOR, LATE = 10.0, 4.0, 0.86
"""The knobs of both functions in the published code; its epochs 86 to 99 have the late weight."""


def inner(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    network: Module,
    step: int = 1,
    progress: float = 0.0,
    weight: NonNegative = WEIGHT,
    late_factor: AtLeastOne = LATE_FACTOR,
    late: Fraction = LATE,
) -> AttackObjective:
    """Return the objective of the attack: cross-entropy, in every other update plus a guidance.

    The guidance is `weight` times the squared distance from the clean probabilities.

    Args:
        model: What the attack sees of the network.
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        network: The network, which passes the clean images in train mode.
        step: Updates since the start of training, this one included; the first has no guidance.
        progress: Completed share of the run, in [0, 1].
        weight: As in `outer`.
        late_factor: As in `outer`.
        late: As in `outer`.
    """
    clean = clean_logits(model, network, x).softmax(dim=1)
    guidance = every_other(step) * weight_now(weight, late_factor, late, progress)

    def objective(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(x_adv)
        gap = (clean - logits.softmax(dim=1)).square().sum(dim=1)
        return F.cross_entropy(logits, y, reduction="none") + guidance * gap, logits

    return objective


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    progress: float = 0.0,
    weight: NonNegative = WEIGHT,
    late_factor: AtLeastOne = LATE_FACTOR,
    late: Fraction = LATE,
) -> Tensor:
    """Return the training loss: the clean loss plus the squared distance of probabilities.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        progress: Completed share of the run, in [0, 1].
        weight: Weight of the squared distance, lambda of the paper.
        late_factor: Factor of the weight at the end of the run.
        late: Share of the run after which the factor is used.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    adversarial, clean = model(x_adv), model(x)
    gap = (clean.softmax(dim=1) - adversarial.softmax(dim=1)).square().sum(dim=1)
    now = weight_now(weight, late_factor, late, progress)
    loss: Tensor = (criterion(clean, y) + now * gap).mean()
    return loss


def weight_now(weight: float, late_factor: float, late: float, progress: float) -> float:
    """Return the weight at a share of the run; without a branch, as a CUDA graph has none."""
    return weight * (1 + (late_factor - 1) * (progress >= late))
