"""Annealing self-distillation rectification (Wu et al., ICLR 2024, arXiv:2305.12118)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import Fraction, Positive
from trainables.networks.teacher import Teacher
from trainables.protocols import AttackObjective, Criterion

COMPANIONS = {
    "teacher": {"name": "average"},
    "average": {"name": "ema", "decay": 0.995, "warmup": False, "max_share": 0.0},
    "update": {"name": "alternate", "mode": "train"},
}
"""The teacher is the average with a constant decay; the published attack is in train mode."""
TEACHERS = ("average", "file")
TEMPERATURES, SHARES = (2.5, 2.0), (0.7, 0.95)
"""First and last values, which both functions have as defaults; those of CIFAR-10."""


def inner(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    teacher: Teacher,
    progress: float = 0.0,
    temperature_first: Positive = TEMPERATURES[0],
    temperature_last: Positive = TEMPERATURES[1],
    share_first: Fraction = SHARES[0],
    share_last: Fraction = SHARES[1],
) -> AttackObjective:
    """Return the objective of the attack: cross-entropy with the rectified labels.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,), or probabilities (N, K).
        teacher: Average of the weights.
        progress: Completed share of the run, in [0, 1].
        temperature_first: Temperature of the teacher at the start of the run; it follows half a
            cosine, as the share does.
        temperature_last: The same at the end.
        share_first: Weight of the teacher in the labels at the start of the run, lambda of the
            paper. An image that the teacher misclassifies has less, by the difference of its
            probabilities of the predicted class and of the label.
        share_last: The same at the end.
    """
    target = rectify_labels(
        teacher(x),
        y,
        temperature=anneal(temperature_first, temperature_last, progress),
        share=anneal(share_first, share_last, progress),
    )

    def objective(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(x_adv)
        return F.cross_entropy(logits, target, reduction="none"), logits

    return objective


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    teacher: Teacher,
    progress: float = 0.0,
    temperature_first: Positive = TEMPERATURES[0],
    temperature_last: Positive = TEMPERATURES[1],
    share_first: Fraction = SHARES[0],
    share_last: Fraction = SHARES[1],
) -> Tensor:
    """Return the training loss: the criterion at the adversarial images with rectified labels.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,), or probabilities (N, K).
        criterion: Loss of each example.
        teacher: Average of the weights.
        progress: Completed share of the run, in [0, 1].
        temperature_first: Temperature of the teacher at the start of the run; it follows half a
            cosine, as the share does.
        temperature_last: The same at the end.
        share_first: Weight of the teacher in the labels at the start of the run, lambda of the
            paper. An image that the teacher misclassifies has less, by the difference of its
            probabilities of the predicted class and of the label.
        share_last: The same at the end.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    target = rectify_labels(
        teacher(x),
        y,
        temperature=anneal(temperature_first, temperature_last, progress),
        share=anneal(share_first, share_last, progress),
    )
    return criterion(model(x_adv), target).mean()


def rectify_labels(logits: Tensor, y: Tensor, *, temperature: Tensor, share: Tensor) -> Tensor:
    """Return the labels blended with the predictions of a teacher, as probabilities (N, K).

    Args:
        logits: Of the teacher, (N, K).
        y: Labels (N,), or probabilities (N, K).
        temperature: Divides the logits; scalar.
        share: Largest weight of the teacher; scalar.
    """
    p = (logits / temperature).softmax(dim=1)
    # not by F.one_hot, which looks at the labels: that prevents the capture in a graph
    classes = torch.arange(p.shape[1], device=p.device)
    label = y if y.is_floating_point() else (y[:, None] == classes).to(p.dtype)
    margin = p.amax(dim=1) - (p * label).sum(dim=1)
    weight = (share - margin).clamp(0, 1)[:, None]
    return weight * p + (1 - weight) * label


def anneal(first: float, last: float, progress: float) -> Tensor:
    """Return a value that moves from `first` to `last` along half a cosine; scalar.

    >>> anneal(2.5, 2.0, 0.5).item()
    2.25
    """
    # `progress` may be a tensor on the device of a captured step
    cosine = torch.cos(torch.as_tensor(progress, dtype=torch.float64) * math.pi)
    return last + 0.5 * (first - last) * (1 + cosine)
