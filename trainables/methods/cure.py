"""CURE: curvature regularisation (Moosavi-Dezfooli et al., 2019, arXiv:1811.09716)."""

from typing import Literal

from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative, Positive
from trainables.methods._gradient import input_gradient
from trainables.methods.standard import inner as inner
from trainables.networks.modes import in_mode
from trainables.protocols import Criterion


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    weight: NonNegative = 4.0,
    h: Positive = 0.6,
    power: Literal["norm", "squared"] = "norm",
) -> Tensor:
    """Return the training loss: the clean loss plus a penalty on the change of the input gradient.

    There is no attack. The input gradient is compared with that at a distance `h` along its sign.
    Both gradients are differentiated, the direction is not, and BatchNorm is in eval mode for both.
    Gradients are per example. The published code trains on normalised images, so its h of 3 is
    about 0.6 here.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: The same images; unused.
        y: Labels (N,).
        criterion: Loss of each example.
        weight: Weight of the penalty, gamma of the paper.
        h: Euclidean length of the step, on the [0, 1] pixel scale.
        power: "norm" as in the published code, "squared" as in the paper.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    clean = criterion(model(x), y).mean()
    with in_mode(model, "eval"):
        here = input_gradient(model, x, y, differentiable=True)
        ahead = here.detach().sign()
        direction = ahead / ahead.norm(dim=1, keepdim=True).clamp(min=1e-12)
        there = input_gradient(model, x + h * direction.view_as(x), y, differentiable=True)
        squared = (there - here).square().sum(dim=1)
    change = squared if power == "squared" else (squared + 1e-12).sqrt()
    return clean + weight * change.mean()
