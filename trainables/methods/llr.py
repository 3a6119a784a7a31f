"""Local linearity regularisation (Qin et al., 2019, arXiv:1907.02610)."""

from collections.abc import Iterator, Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative
from trainables.methods._gradient import input_gradient
from trainables.networks.modes import in_mode
from trainables.protocols import AttackObjective, Criterion

COMPANIONS = {"attack": {"name": "adam"}}
FORMER_VALUES = {"search": "gap"}
"""What the code did before it had these knobs."""


def inner(
    model: Module, x: Tensor, y: Tensor, *, search: Literal["loss", "gap"] = "loss"
) -> AttackObjective:
    """Return the objective of the attack: distance of the loss to its linear approximation at `x`.

    The approximation (loss and gradient at `x`) is constant during the attack.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        search: What a step of the attack differentiates: "loss" is the loss alone, with the sign of
            the distance, as in the published code, which holds the linear term constant; "gap" is
            the whole distance, which finds larger ones (0.69 against 0.45 nats in the test of both
            beside the published code).
    """
    grad = input_gradient(model, x, y)
    with torch.no_grad():
        loss = F.cross_entropy(model(x), y, reduction="none")

    def objective(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(x_adv)
        there = F.cross_entropy(logits, y, reduction="none")
        delta = (x_adv.detach() if search == "loss" else x_adv) - x
        return linearity_gap(there, loss, grad, delta), logits

    return objective


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    gamma_weight: NonNegative = 2.0,
    slope_weight: NonNegative = 0.6,
) -> Tensor:
    """Return the training loss: the clean loss plus penalties on curvature and on the gradient.

    There is no adversarial loss. Both penalties are differentiated through the input gradient, so
    the activation needs a second derivative (e.g. softplus). BatchNorm is in eval mode for both
    points, so that both are evaluated with the same function.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Images where the loss is least linear, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each clean example.
        gamma_weight: Weight of the linearity gap, lambda of the paper for a clean loss of weight 1.
        slope_weight: Weight of the change that the gradient predicts, mu of the paper, likewise.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    clean = criterion(model(x), y).mean()
    with in_mode(model, "eval"):
        grad = input_gradient(model, x, y, differentiable=True)
        here = F.cross_entropy(model(x), y, reduction="none")
        there = F.cross_entropy(model(x_adv), y, reduction="none")
    delta = x_adv - x
    change = (grad * delta.flatten(1)).sum(dim=1).abs()
    curvature = linearity_gap(there, here, grad, delta)
    return clean + (gamma_weight * curvature + slope_weight * change).mean()


def linearity_gap(there: Tensor, here: Tensor, grad: Tensor, delta: Tensor) -> Tensor:
    """Return |l(x + delta) - l(x) - delta . grad| of each example, (N,)."""
    return (there - here - (grad * delta.flatten(1)).sum(dim=1)).abs()


def warnings(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a warning if the activation is piecewise linear."""
    activation = config["model"].get("activation")
    if activation in ("relu", "leaky_relu"):
        yield (
            f"model.activation: the second derivative of {activation} vanishes, so llr cannot "
            "learn through the input gradient; write model.activation=softplus."
        )
