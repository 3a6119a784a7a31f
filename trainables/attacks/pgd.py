"""Projected gradient descent (Madry et al., 2018, arXiv:1706.06083)."""

from typing import Literal

import torch
from torch import Generator, Tensor

from trainables.hparams.ranges import Count, Positive
from trainables.protocols import AttackObjective
from trainables.threat import Threat

Start = Literal["zero", "random", "gaussian", "step"]
GRADIENT_STEPS = "steps"
FORMER_VALUES = {"project_start": True}
"""What the code did before it had these knobs."""


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
    project_start: bool = True,
    restarts: Count = 1,
) -> Tensor:
    """Return inputs near `x` where `objective` is large.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,); unused.
        threat: The set of allowed perturbations.
        rng: Generator of the random start. `None`: the global generator.
        steps: Gradient evaluations per restart.
        step_size: Length of one step, in the units of eps. `None`: a quarter of eps.
        start: Starting point: "zero" is `x`, "random" a random point of the ball, "gaussian" `x`
            plus 0.001 N(0, 1) as in TRADES, "step" a random point within one step as in PAS.
        project_start: Whether the start is projected to the ball and to [0, 1]. The published code
            of TRADES and of MART does not: their first gradient may be taken outside [0, 1].
        restarts: Number of independent runs; the worst result of each example counts.

    Returns:
        Allowed inputs (N, ...), detached.
    """
    length = step_length(step_size, threat)

    def run_once() -> Tensor:
        x_adv = start_point(start, x, threat, length, rng, project=project_start)
        for _ in range(steps):
            x_adv = take_step(objective, x_adv, x, threat, length)
        return x_adv

    worst = run_once()
    for _ in range(restarts - 1):
        worst = pick_worse(objective, worst, run_once())
    return worst


def step_length(step_size: float | None, threat: Threat) -> float:
    """Return the length of a step. `step_size` is `None`: a quarter of eps."""
    return threat.eps / 4 if step_size is None else step_size * threat.step_scale


def start_point(
    start: Start,
    x: Tensor,
    threat: Threat,
    length: float,
    rng: Generator | None,
    *,
    project: bool = True,
) -> Tensor:
    """Return the starting point (N, ...) of an attack on `x`.

    With `project`, it is inside the ball and [0, 1].
    """
    if start == "zero":
        return x
    if start == "gaussian":
        noise = torch.randn(x.shape, generator=rng, device=x.device, dtype=x.dtype)
        point = x + 0.001 * noise
    elif start == "step":
        unit = torch.rand(x.shape, generator=rng, device=x.device, dtype=x.dtype)
        point = x + length * (2 * unit - 1)
    else:
        point = threat.random_point(x, rng)
    return threat.project(point, x) if project else point


def take_step(
    objective: AttackObjective, x_adv: Tensor, x: Tensor, threat: Threat, length: float
) -> Tensor:
    """Return `x_adv` after one projected ascent step of `length`, detached."""
    x_adv = x_adv.detach().requires_grad_()
    value, _ = objective(x_adv)
    (grad,) = torch.autograd.grad(value.sum(), x_adv)
    return threat.project(x_adv.detach() + length * threat.steepest_step(grad), x)


@torch.no_grad()
def pick_worse(objective: AttackObjective, one: Tensor, other: Tensor) -> Tensor:
    """Return, for each example, the one of two inputs (N, ...) with the larger objective."""
    keep = objective(one)[0] >= objective(other)[0]
    return torch.where(keep.view(-1, *[1] * (one.dim() - 1)), one, other)
