"""GradAlign (Andriushchenko and Flammarion, 2020, arXiv:2007.02617)."""

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative
from trainables.methods._gradient import input_gradient
from trainables.methods.pgd_at import inner as inner
from trainables.networks.cosine import cosine_similarity
from trainables.protocols import Criterion
from trainables.threat import Threat

COMPANIONS = {"attack": {"name": "fgsm"}, "update": {"name": "alternate", "mode": "train"}}

WHOLE_BATCH = True
"""The mean leaves images out, so that those of parts of a batch do not add up to it."""


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
) -> Tensor:
    """Return what training minimises: the criterion under attack plus a price on misalignment.

    The gradient at the image is a constant; the one at a random point nearby is differentiated.
    Examples where either vanishes have no direction and are left out of the mean.

    Args:
        model: Images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Attacked images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        threat: The set that the second gradient is taken in; it may leave [0, 1].
        rng: Source of the point that the second gradient is taken at.
        weight: Price of misalignment, lambda of the paper: 0.02 * 10^(255 eps / 8) on CIFAR-10.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    here = input_gradient(model, x, y)
    there = input_gradient(model, threat.random_point(x, rng), y, differentiable=True)
    defined = here.any(dim=1) & there.any(dim=1)
    # a stand-in that is aligned, where indexing would make a GPU wait for the count
    one, other = (torch.where(defined[:, None], slope, 1.0) for slope in (here, there))
    misalignment = 1 - cosine_similarity(one, other)
    price: Tensor = weight * misalignment.sum() / defined.sum().clamp(min=1)
    attacked: Tensor = criterion(model(x_adv), y).mean()
    return attacked + price
