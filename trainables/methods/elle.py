"""ELLE: local linearity of the loss without double backpropagation (arXiv:2401.11618).

Abad Rocamora et al., 2024. The published code takes two optimizer steps with each gradient, and
passes clean images once more, for its log; this does not.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torch.nn import Module

from trainables.hparams.ranges import Fraction, NonNegative
from trainables.methods.pgd_at import inner as inner
from trainables.protocols import Criterion
from trainables.threat import Threat

COMPANIONS = {"attack": {"name": "fgsm"}, "update": {"name": "alternate", "mode": "train"}}
WHOLE_BATCH = True
"""The adaptive weight follows the error of the whole batch."""
ERRORS = "linearity errors"
"""Key of `memory`: number, mean, sum of squared deviations and current weight; (4,)."""


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    threat: Threat,
    memory: dict[str, Tensor],
    rng: Generator | None = None,
    weight: NonNegative = 1000.0,
    schedule: Literal["constant", "adaptive"] = "constant",
    decay: Fraction = 0.99,
    sensitivity: NonNegative = 2.0,
) -> Tensor:
    """Return the training loss: the adversarial loss plus the squared error of linearity.

    The error is that of interpolating the loss between two random points of the ball.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example; the error of linearity is that of the cross-entropy.
        threat: Ball of the random points, which may lie outside [0, 1].
        memory: Keeps the errors so far, with an adaptive weight.
        rng: Generator of the points.
        weight: Weight of the error. The published commands have 1000 up to 8/255, 5000 up to 20/255
            and 10000 above; 4000 with an adaptive weight.
        schedule: "adaptive" is ELLE-A: the weight is 0 at first, jumps to `weight` after an
            unusually large error and decays.
        decay: Factor of an adaptive weight after every other error.
        sensitivity: An error is unusual if it exceeds the mean of the errors so far by this many
            standard deviations.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    attacked = criterion(model(x_adv), y).mean()
    error = linearity_error(model, x, y, threat, rng)
    if schedule == "constant":
        return attacked + weight * error
    state = memory.setdefault(ERRORS, torch.zeros(4, dtype=torch.float64, device=x.device))
    current = state[3].clone().to(error.dtype)
    state.copy_(after_error(state, error.detach().double(), weight, decay, sensitivity))
    return attacked + current * error


def linearity_error(
    model: Module, x: Tensor, y: Tensor, threat: Threat, rng: Generator | None
) -> Tensor:
    """Return the mean squared error of interpolating the loss between two points (scalar)."""
    one, other = threat.random_point(torch.cat([x, x]), rng).chunk(2)
    share = torch.rand(len(x), generator=rng, device=x.device, dtype=x.dtype)
    column = share.view(-1, *[1] * (x.dim() - 1))
    between = (1 - column) * one + column * other
    logits = model(torch.cat([one, other, between]))
    first, last, middle = (F.cross_entropy(part, y, reduction="none") for part in logits.chunk(3))
    return F.mse_loss(middle, (1 - share) * first + share * last)


def after_error(
    state: Tensor, error: Tensor, weight: float, decay: float, sensitivity: float
) -> Tensor:
    """Return the entry of `memory` after one more error; see `ERRORS`."""
    number, mean, squares, current = state.clone()
    deviation = (squares / number.clamp(min=1)).sqrt()
    is_unusual = (number > 2) & (error > mean + sensitivity * deviation)
    following = torch.where(is_unusual, torch.full_like(current, weight), decay * current)
    new_mean = mean + (error - mean) / (number + 1)
    new_squares = squares + (error - mean) * (error - new_mean)
    return torch.stack([number + 1, new_mean, new_squares, following])
