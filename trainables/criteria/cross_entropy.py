"""Cross-entropy, optionally against softened labels (Szegedy et al., 2016, arXiv:1512.00567)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from trainables.hparams.ranges import FractionBelowOne


def loss(logits: Tensor, y: Tensor, *, smoothing: FractionBelowOne = 0.0) -> Tensor:
    """Return the cross-entropy of each example.

    The convention is that of Bag of Tricks (arXiv:2010.00467): 1 - smoothing on the label and
    smoothing / (K - 1) on each other class. torch spreads its `label_smoothing` a over all K
    classes including the label, so the same target is a = smoothing * K / (K - 1).

    Args:
        logits: (N, K).
        y: Labels (N,), or probabilities (N, K).
        smoothing: Probability taken from the label and shared by the other K - 1 classes.

    Returns:
        (N,), in nats.
    """
    log_p = logits.log_softmax(dim=1)
    hit = label_loss(log_p, y)
    if not smoothing:
        return hit
    others = -log_p.sum(dim=1) - hit
    return (1 - smoothing) * hit + smoothing / (logits.shape[1] - 1) * others


def label_loss(log_p: Tensor, y: Tensor) -> Tensor:
    """Return -log p of the label, averaged over the labels where `y` holds probabilities; (N,)."""
    if y.is_floating_point():
        return -(y * log_p).sum(dim=1)
    return F.nll_loss(log_p, y, reduction="none")


def label_probabilities(y: Tensor, logits: Tensor) -> Tensor:
    """Return labels (N,) or probabilities (N, K) as probabilities (N, K) in the type of `logits`.

    Unlike `one_hot` it does not wait for the device to check the labels.
    """
    if y.is_floating_point():
        return y
    classes = torch.arange(logits.shape[1], device=y.device)
    return (y[:, None] == classes).to(logits.dtype)
