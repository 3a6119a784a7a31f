"""One long step along the larger gradients: ZeroGrad (Golgooni et al., arXiv:2103.15476)."""

import math

import torch
from torch import Generator, Tensor

from trainables.hparams.ranges import Fraction, Positive
from trainables.protocols import AttackObjective
from trainables.threat import Threat

GRADIENT_STEPS = 1


def perturb(
    objective: AttackObjective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator | None = None,
    zeroed: Fraction = 0.35,
    reach: Positive = 2.0,
) -> Tensor:
    """Return inputs near `x` where `objective` is larger.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,); unused.
        threat: The set of allowed perturbations.
        rng: Generator of the random start. `None`: the global generator.
        zeroed: Share of an image's gradient entries that are set to 0, the smallest ones. The
            published commands have 0.35 on CIFAR-10, 0.45 on CIFAR-100 and 0.7 on SVHN.
        reach: Length of the step as a multiple of eps.

    Returns:
        Allowed inputs (N, ...), detached.
    """
    start = threat.random_point(x, rng).clamp_(0, 1).detach().requires_grad_()
    value, _ = objective(start)
    (grad,) = torch.autograd.grad(value.sum(), start)
    size = grad.abs().flatten(1)
    least = quantile(size, zeroed)[:, None]
    kept = torch.where(size < least, 0.0, grad.flatten(1)).view_as(grad)
    return threat.project(start.detach() + reach * threat.eps * threat.steepest_step(kept), x)


def quantile(values: Tensor, share: float) -> Tensor:
    """Return the quantile (N,) of each row of (N, M), interpolated linearly.

    `torch.quantile` cannot be captured in a CUDA graph.
    """
    ordered = values.sort(dim=1).values
    place = share * (values.shape[1] - 1)
    below, above = math.floor(place), math.ceil(place)
    return torch.lerp(ordered[:, below], ordered[:, above], place - below)
