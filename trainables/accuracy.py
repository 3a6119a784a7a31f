"""Accuracies of a network on labelled images: plain, and balanced over classes."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Accuracies:
    """Accuracies of a network, in [0, 1].

    Attributes:
        clean: Fraction of the images classified correctly.
        robust: The same under an attack.
        balanced_clean: Mean over classes of the fraction of their images classified correctly.
        balanced_robust: The same under the attack.
    """

    clean: float
    robust: float
    balanced_clean: float
    balanced_robust: float


NO_ACCURACY = Accuracies(clean=0.0, robust=0.0, balanced_clean=0.0, balanced_robust=0.0)
"""The accuracies of a network that has diverged."""


def compute_accuracies(clean: Tensor, robust: Tensor, y: Tensor) -> Accuracies:
    """Return the accuracies of masks of correctly classified images.

    Args:
        clean: Mask (N,) without an attack.
        robust: Mask (N,) under an attack.
        y: Labels (N,).
    """
    clean, robust, y = clean.cpu(), robust.cpu(), y.cpu()
    return Accuracies(
        clean=int(clean.sum()) / len(y),
        robust=int(robust.sum()) / len(y),
        balanced_clean=balanced_accuracy(clean, y),
        balanced_robust=balanced_accuracy(robust, y),
    )


def balanced_accuracy(correct: Tensor, y: Tensor) -> float:
    """Return the mean over classes of the fraction of their images classified correctly.

    A class without images does not count.

    >>> correct = torch.tensor([True, True, True, False])
    >>> balanced_accuracy(correct, torch.tensor([0, 0, 0, 2]))
    0.5

    Args:
        correct: Mask (N,) of the correctly classified images.
        y: Labels (N,).
    """
    counts = torch.bincount(y)
    n_correct = torch.bincount(y[correct], minlength=len(counts))
    present = counts > 0
    return float((n_correct[present].double() / counts[present]).mean())
