"""Taxonomy driven fast adversarial training (Tong et al., 2024, arXiv:2408.03944)."""

import torch
from torch import Tensor
from torch.nn import Module

from trainables.criteria.cross_entropy import label_probabilities
from trainables.hparams.ranges import Fraction, NonNegative
from trainables.protocols import AttackObjective, AttackStart

COMPANIONS = {"attack": {"name": "prior_batch"}, "update": {"name": "paired"}}
BETA, FLOOR = 0.6, 0.15
"""The knobs of both functions in the published code."""
ABOVE_ONE = 1.0000001
"""Keeps the weight of a certain example above 0; the constant of the published code."""


def inner(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    epoch: int = 0,
    epochs: int = 1,
    beta: NonNegative = BETA,
    floor: Fraction = FLOOR,
) -> AttackObjective:
    """Return the objective of the attack: cross-entropy against relaxed labels.

    The label has the probability of `relaxation`, the other classes share the rest.

    Args:
        model: What the attack sees of the network.
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        epoch: Epochs finished so far.
        epochs: Epochs of the run.
        beta: As in `outer`.
        floor: As in `outer`.
    """
    kept = relaxation(epoch, epochs, beta, floor)

    def objective(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(x_adv)
        log_p = logits.log_softmax(dim=1)
        label = label_probabilities(y, log_p)
        others = (1 - label) * (1 - kept) / max(1, logits.shape[1] - 1)
        return -((kept * label + others) * log_p).sum(dim=1), logits

    return objective


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    start: AttackStart,
    epoch: int = 0,
    epochs: int = 1,
    weight: NonNegative = 0.65,
    beta: NonNegative = BETA,
    floor: Fraction = FLOOR,
) -> Tensor:
    """Return the training loss: that of relaxed labels plus the change of the logits by the step.

    Labels are relaxed by torch's label smoothing, by what `relaxation` leaves to 1. Changes count
    more where the label is less probable at the start.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1]; they stand in for a start that is not shared.
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        start: Start of the attack, of which the update `paired` shares the logits.
        epoch: Epochs finished so far.
        epochs: Epochs of the run.
        weight: Weight of the squared change, summed over classes; the command in the published
            README has 0.6.
        beta: Factor of the tangent from which the relaxation falls during the run.
        floor: Smallest relaxation.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    _, before = start.or_clean(model, x)
    after = model(x_adv)
    kept = relaxation(epoch, epochs, beta, floor)
    log_p = after.log_softmax(dim=1)
    label = label_probabilities(y, log_p)
    loss = -kept * (label * log_p).sum(dim=1) - (1 - kept) * log_p.mean(dim=1)
    sure = (label * before.softmax(dim=1)).sum(dim=1)
    change = (before - after).square().sum(dim=1) * (ABOVE_ONE - sure).tanh()
    mean: Tensor = (loss + weight * change).mean()
    return mean


def relaxation(epoch: int, epochs: int, beta: float, floor: float) -> Tensor:
    """Return what a label keeps in an epoch: beta tan(1 - epoch / epochs), at least `floor`."""
    return (beta * torch.as_tensor(1 - epoch / epochs, dtype=torch.float64).tan()).clamp(min=floor)
