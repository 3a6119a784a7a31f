"""Projected gradient descent (Madry et al., 2018, arXiv:1706.06083)."""

from typing import Literal

import torch
from torch import Generator, Tensor

from trainables.hparams.ranges import Count, Positive
from trainables.protocols import AttackObjective
from trainables.threat import Threat

Start = Literal["zero", "random", "gaussian", "step"]
SLOPES = "steps"


def perturb(
    objective: AttackObjective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator | None = None,
    steps: Count = 10,
    step_size: Positive | None = None,
    start: Start = "random",
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
        step_size: Length of one step, in the units of eps; a quarter of eps if none.
        start: Where to start: "zero" at `x`, "random" anywhere in the ball, "gaussian" 0.001 N(0,1)
            away from `x` as TRADES does, "step" within one step of it as PAS does.
        restarts: Independent runs; each example keeps its worst.

    Returns:
        Allowed inputs (N, ...), detached.
    """
    length = step_length(step_size, threat)

    def climb() -> Tensor:
        x_adv = start_point(start, x, threat, length, rng)
        for _ in range(steps):
            x_adv = take_step(objective, x_adv, x, threat, length)
        return x_adv

    worst = climb()
    for _ in range(restarts - 1):
        worst = pick_worse(objective, worst, climb())
    return worst


def step_length(step_size: float | None, threat: Threat) -> float:
    """Return the length of a step: a quarter of the radius, or as given, at the radius' pace."""
    return threat.eps / 4 if step_size is None else step_size * threat.step_scale


def start_point(
    start: Start, x: Tensor, threat: Threat, length: float, rng: Generator | None
) -> Tensor:
    """Return where an attack on `x` (N, ...) starts, inside the ball and the box."""
    if start == "zero":
        return x
    if start == "gaussian":
        noise = torch.randn(x.shape, generator=rng, device=x.device, dtype=x.dtype)
        return threat.project(x + 0.001 * noise, x)
    if start == "step":
        unit = torch.rand(x.shape, generator=rng, device=x.device, dtype=x.dtype)
        return threat.project(x + length * (2 * unit - 1), x)
    return threat.project(threat.random_point(x, rng), x)


def take_step(
    objective: AttackObjective, x_adv: Tensor, x: Tensor, threat: Threat, length: float
) -> Tensor:
    """Return `x_adv` after one projected step of `length` up the objective, detached."""
    x_adv = x_adv.detach().requires_grad_()
    value, _ = objective(x_adv)
    (grad,) = torch.autograd.grad(value.sum(), x_adv)
    return threat.project(x_adv.detach() + length * threat.steepest_step(grad), x)


@torch.no_grad()
def pick_worse(objective: AttackObjective, one: Tensor, other: Tensor) -> Tensor:
    """Return, for each example, whichever of two inputs (N, ...) the objective is larger at."""
    keep = objective(one)[0] >= objective(other)[0]
    return torch.where(keep.view(-1, *[1] * (one.dim() - 1)), one, other)
