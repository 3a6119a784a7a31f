"""Self-consistent robust error, by squared distances (Pang et al., 2022, arXiv:2202.10103)."""

import torch
from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import FractionBelowOne, NonNegative
from trainables.networks.running_statistics import frozen_statistics
from trainables.protocols import AttackObjective

COMPANIONS = {"update": {"name": "alternate", "mode": "train"}}
"""The published attack uses batch statistics, and leaves the running ones as they are."""


def inner(model: Module, x: Tensor, y: Tensor) -> AttackObjective:
    """Return the objective of the attack: squared distance to the clean probabilities."""
    with frozen_statistics(model):
        clean = model(x).softmax(dim=1).detach()

    def objective(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        with frozen_statistics(model):
            logits = model(x_adv)
        return squared_distance(logits.softmax(dim=1), clean), logits

    return objective


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    beta: NonNegative = 4.0,
    label_smoothing: FractionBelowOne = 0.0,
    clip: NonNegative = 0.0,
) -> Tensor:
    """Return the training loss: squared distance to the labels plus `beta` times the inner one.

    The clean probabilities are not detached. Distances are those of probabilities, at most 2.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,), or probabilities (N, K).
        beta: Weight of the distance between clean and adversarial probabilities; 4 in the published
            command, 3 for the published networks.
        label_smoothing: Probability taken from the label and shared by the other K - 1 classes.
        clip: Distance between clean and adversarial probabilities below which it is ignored.

    Returns:
        Scalar, averaged over the batch.
    """
    clean, adversarial = model(x).softmax(dim=1), model(x_adv).softmax(dim=1)
    n_classes = clean.shape[1]
    # not by F.one_hot, which looks at the labels: that prevents the capture in a graph
    classes = torch.arange(n_classes, device=clean.device)
    label = y if y.is_floating_point() else (y[:, None] == classes).to(clean.dtype)
    share = label_smoothing / (n_classes - 1)
    target = (1 - n_classes * share) * label + share
    shift = (squared_distance(adversarial, clean) - clip).relu()
    return (squared_distance(clean, target) + beta * shift).mean()


def squared_distance(one: Tensor, other: Tensor) -> Tensor:
    """Return the squared Euclidean distance of two batches (N, K), as (N,)."""
    return (one - other).square().sum(dim=1)
