"""Cross-entropy against labels that are softened at random: LIET's (Pan et al., ICCV 2025)."""

import torch
from torch import Generator, Tensor

from trainables.criteria.cross_entropy import label_probabilities
from trainables.hparams.ranges import FractionBelowOne


def loss(
    logits: Tensor,
    y: Tensor,
    *,
    rng: Generator | None = None,
    smoothing: FractionBelowOne = 0.6,
) -> Tensor:
    """Return the cross-entropy of each example.

    Args:
        logits: (N, K).
        y: Labels (N,), or probabilities (N, K).
        rng: Generator of the shares. `None`: the global generator.
        smoothing: Probability that is taken from the label and split among the other classes in
            random shares, which are uniform draws divided by their sum; 0.8 on CIFAR-100 in the
            published settings.

    Returns:
        (N,), in nats.
    """
    log_p = logits.log_softmax(dim=1)
    label = label_probabilities(y, log_p)
    draws = torch.rand(logits.shape, generator=rng, device=logits.device, dtype=log_p.dtype)
    shares = draws * (1 - label)
    tiny = torch.finfo(log_p.dtype).tiny
    others = shares / shares.sum(dim=1, keepdim=True).clamp(min=tiny)
    return -(((1 - smoothing) * label + smoothing * others) * log_p).sum(dim=1)
