"""GradAlign (Andriushchenko and Flammarion, 2020, arXiv:2007.02617)."""

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative
from trainables.methods._gradient import clip_derivative, input_gradient
from trainables.methods.pgd_at import inner as inner
from trainables.networks.cosine import cosine_similarity
from trainables.networks.running_statistics import BatchNormUpdates, frozen_statistics
from trainables.protocols import Criterion
from trainables.threat import Threat

COMPANIONS = {"attack": {"name": "fgsm"}, "update": {"name": "alternate", "mode": "train"}}

WHOLE_BATCH = True
"""The mean leaves images out, so it is not a weighted mean over parts of a batch."""
FORMER_VALUES = {"through_clip": False, "bn_updates": "each_pass"}
"""What the code did before it had these knobs."""


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    threat: Threat,
    rng: Generator | None = None,
    weight: NonNegative = 0.2,
    through_clip: bool = True,
    bn_updates: BatchNormUpdates = "published",
) -> Tensor:
    """Return the training loss: the adversarial loss plus a penalty on gradient misalignment.

    The gradient at the clean image is constant; the one at a random point nearby is differentiated.
    Examples where one of them is zero are left out of the mean.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        threat: Ball of the random point, which may lie outside [0, 1].
        rng: Generator of the random point.
        weight: Weight of misalignment, lambda of the paper: 0.02 * 10^(255 eps / 8) on CIFAR-10.
        through_clip: Whether the gradient at the clean image passes through a clip to [0, 1], which
            halves it at pixels of 0 and 1, as in the published code.
        bn_updates: Updates of BatchNorm's running statistics by the loss of one step. "published":
            two, and one by the attack if `update.mode` is "train", whose gradient the published
            code takes as that at the clean image; "each_pass": three, and one by the attack.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    attacked: Tensor = criterion(model(x_adv), y).mean()
    with frozen_statistics(model, frozen=bn_updates == "published"):
        here = input_gradient(model, x, y)
    if through_clip:
        here = here * clip_derivative(x).flatten(1)
    there = input_gradient(model, threat.random_point(x, rng), y, differentiable=True)
    defined = here.any(dim=1) & there.any(dim=1)
    # aligned placeholders; boolean indexing would synchronise with the GPU
    one, other = (torch.where(defined[:, None], gradient, 1.0) for gradient in (here, there))
    misalignment = 1 - cosine_similarity(one, other)
    penalty: Tensor = weight * misalignment.sum() / defined.sum().clamp(min=1)
    return attacked + penalty
