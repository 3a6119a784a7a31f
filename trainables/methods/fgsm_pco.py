"""FGSM with a bi-level mix of examples (Wang et al., 2024, arXiv:2407.12443)."""

import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.criteria.cross_entropy import label_probabilities
from trainables.hparams.ranges import NonNegative, Positive
from trainables.methods.fgsm_pgi import inner as inner
from trainables.protocols import AttackStart, Criterion

COMPANIONS = {
    "attack": {"name": "prior_epoch", "decay": 0.0, "resets": None},
    "update": {"name": "paired"},
    "criterion": {"name": "cross_entropy", "smoothing": 0.4},
}
WHOLE_BATCH = True
"""The difference of two means over the batch counts by its absolute value."""


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    start: AttackStart,
    weight: NonNegative = 10.0,
    stretch: Positive = 1.5,
) -> Tensor:
    """Return the training loss: that of a mix of start and step, plus a distance of logits.

    The less probable the label is at the start, the more the start counts in the mix. The mix is
    not detached and may leave the ball, as in the published code.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1]; they stand in for a start that is not shared.
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,) or probabilities (N, K).
        criterion: Loss of each example.
        start: Start of the attack, which the update `paired` shares.
        weight: Weight of the distance, lambda of the code.
        stretch: Factor of the perturbation of `x_adv` in the mix.

    Returns:
        Scalar, in nats.
    """
    point, before = start.or_clean(model, x)
    probabilities = before.softmax(dim=1)
    doubt = 1 - (probabilities * label_probabilities(y, probabilities)).sum(dim=1)
    share = doubt.clamp(0, 1).view(-1, *[1] * (x.dim() - 1))
    mixed = model(share * point + (1 - share) * (x + stretch * (x_adv - x)))
    after = model(x_adv)
    distance = (F.mse_loss(after, before) - F.mse_loss(after, mixed)).abs()
    return criterion(mixed, y).mean() + weight * distance
