"""Projected gradient descent (Madry et al., 2018, arXiv:1706.06083)."""

import torch
from torch import Generator, Tensor

from trainables.ranges import Count, Positive
from trainables.signatures import Objective
from trainables.threat import Threat


def perturb(
    objective: Objective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator | None = None,
    steps: Count = 10,
    step_size: Positive = 2 / 255,
    random_start: bool = True,
    restarts: Count = 1,
) -> Tensor:
    """Return inputs near `x` where `objective` is large.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,); unused.
        threat: The set of allowed perturbations.
        rng: Source of the random start; the global one if None.
        steps: Gradient evaluations per restart.
        step_size: Length of one step, in the units of eps.
        random_start: Whether to start at a random allowed point rather than at `x`.
        restarts: Independent runs; each example keeps its worst.

    Returns:
        Allowed inputs (N, ...), detached.
    """

    def climb() -> Tensor:
        start = threat.random_point(x, rng) if random_start else x
        x_adv = threat.project(start, x)
        for _ in range(steps):
            x_adv.requires_grad_()
            value, _ = objective(x_adv)
            (grad,) = torch.autograd.grad(value.sum(), x_adv)
            x_adv = threat.project(x_adv.detach() + threat.step(grad, step_size), x)
        return x_adv

    worst = climb()
    for _ in range(restarts - 1):
        worst = worse(objective, worst, climb())
    return worst


@torch.no_grad()
def worse(objective: Objective, one: Tensor, other: Tensor) -> Tensor:
    """Return, for each example, whichever of two inputs (N, ...) the objective is larger at."""
    keep = objective(one)[0] >= objective(other)[0]
    return torch.where(keep.view(-1, *[1] * (one.dim() - 1)), one, other)
