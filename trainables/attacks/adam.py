"""Projected Adam, the attack of local linearity regularisation (Qin et al., arXiv:1907.02610)."""

import torch
from torch import Generator, Tensor

from trainables.attacks.pgd import start_point
from trainables.hparams.ranges import Count, Positive
from trainables.protocols import AttackObjective
from trainables.threat import Threat

BETAS, ADAM_EPS = (0.9, 0.999), 1e-9
"""The values of the published code."""
GRADIENT_STEPS = "steps"


def perturb(
    objective: AttackObjective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator | None = None,
    steps: Count = 10,
    rate: Positive = 0.1,
) -> Tensor:
    """Return inputs near `x` where `objective` is large.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,); unused.
        threat: The set of allowed perturbations.
        rng: Generator of the random start. `None`: the global generator.
        steps: Gradient evaluations.
        rate: Adam's learning rate, about the length of a step in units of pixels.

    Returns:
        Allowed inputs (N, ...), detached.
    """
    x_adv = start_point("random", x, threat, rate, rng).detach().requires_grad_()
    adam = torch.optim.Adam(
        [x_adv], lr=rate, betas=BETAS, eps=ADAM_EPS, maximize=True, capturable=x.is_cuda
    )
    for _ in range(steps):
        value, _ = objective(x_adv)
        (x_adv.grad,) = torch.autograd.grad(value.sum(), x_adv)
        adam.step()
        with torch.no_grad():
            x_adv.copy_(threat.project(x_adv, x))
    return x_adv.detach()
