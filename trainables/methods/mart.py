"""Misclassification-aware adversarial training (Wang et al., 2020, openreview:rklOg6EFwS)."""

from collections.abc import Iterator, Mapping

import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative
from trainables.hparams.soft_labels import find_mixing
from trainables.methods.pgd_at import inner as inner
from trainables.methods.trades import divergence

COMPANIONS = {"attack": {"name": "pgd", "start": "gaussian", "project_start": False}}
ONE_PLUS_TINY = 1.0001
"""Slightly over 1, so that log(1 - p) stays finite; the constant of the published code."""


def outer(model: Module, x: Tensor, x_adv: Tensor, y: Tensor, *, beta: NonNegative = 5.0) -> Tensor:
    """Return the training loss: boosted cross-entropy plus a KL term weighted by 1 - confidence.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        beta: Weight of the KL term, before weighting by 1 - p(y) of the clean prediction.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    clean, adversarial = model(x), model(x_adv)
    confidence = clean.softmax(dim=1).gather(1, y[:, None])[:, 0]
    shift = divergence(clean, adversarial)
    losses: Tensor = boosted_cross_entropy(adversarial, y) + beta * (1 - confidence) * shift
    return losses.mean()


def boosted_cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Return -log p(y) - log(1 - p(strongest wrong class)) of logits (N, K), as (N,) nats."""
    log_p = logits.log_softmax(dim=1)
    wrong = log_p.scatter(1, y[:, None], -float("inf")).amax(dim=1).exp()
    return F.nll_loss(log_p, y, reduction="none") - (ONE_PLUS_TINY - wrong).log()


def conflicts(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a problem if mixup or CutMix is set or searched."""
    for knob in find_mixing(config):
        yield f"{knob}: must be 0 with method=mart, which needs one label per image."
