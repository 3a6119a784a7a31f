"""FGSM with CURE's penalty taken at the FGSM point (as in ELLE's comparison, arXiv:2401.11618).

Loss and gradient equal those of ELLE's code; its training loop takes each step twice, ours once.
"""

from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative
from trainables.methods._gradient import input_gradient
from trainables.methods.pgd_at import inner as inner
from trainables.protocols import Criterion

COMPANIONS = {"attack": {"name": "fgsm"}, "update": {"name": "alternate", "mode": "train"}}


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    weight: NonNegative = 0.06,
) -> Tensor:
    """Return the training loss: the adversarial loss plus a penalty on curvature.

    The gradient at the clean image is constant, the one at the adversarial image is differentiated.
    Gradients are per example; code with the gradient of the mean over a batch of B needs B squared
    times the weight (1000 at 128 is 0.06 here).

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        weight: Weight of the squared distance between the two gradients.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    here = input_gradient(model, x, y)
    there = input_gradient(model, x_adv, y, differentiable=True)
    change = (there - here).square().sum(dim=1).mean()
    return criterion(model(x_adv), y).mean() + weight * change
