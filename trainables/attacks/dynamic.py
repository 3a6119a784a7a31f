"""PGD that stops at a criterion of convergence (Wang et al., 2019, arXiv:2112.08304)."""

from typing import Literal

import torch
from torch import Generator, Tensor

from trainables.attacks.pgd import Start, start_point, step_length
from trainables.hparams.ranges import Count, NonNegative, OpenFraction, Positive
from trainables.protocols import AttackObjective
from trainables.threat import Threat

GRADIENT_STEPS = "steps"
FORMER_VALUES = {"origin": "image", "first_step": False, "project_start": True}
"""What the code did before it had these knobs."""


def perturb(
    objective: AttackObjective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    progress: float = 0.0,
    rng: Generator | None = None,
    steps: Count = 10,
    step_size: Positive | None = None,
    start: Start = "random",
    fosc: NonNegative = 0.5,
    vanishes: OpenFraction = 100 / 120,
    origin: Literal["image", "start"] = "image",
    first_step: bool = True,
    project_start: bool = True,
) -> Tensor:
    """Return inputs near `x` that are converged up to a threshold, which falls during the run.

    An input stops moving when its first-order stationary condition (FOSC) is at most the threshold.
    The threshold falls linearly from `fosc` to zero; from then on the attack is PGD.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,); unused.
        threat: The set of allowed perturbations.
        progress: Completed share of the run, in [0, 1].
        rng: Generator of the random start. `None`: the global generator.
        steps: Gradient evaluations.
        step_size: Length of one step, in the units of eps. `None`: a quarter of eps.
        start: Starting point, as in PGD.
        fosc: Threshold at the start of the run, in units of the objective.
        vanishes: Share of the run at which the threshold reaches zero.
        origin: Point that FOSC measures the perturbation from: "image" is the clean image of the
            paper's text, "start" the start of the attack as in the published code.
        first_step: Whether every image takes the first step, as in the published code.
        project_start: Whether the start is projected to the ball and to [0, 1]; not so in the
            published code.

    Returns:
        Allowed inputs (N, ...), detached.
    """
    length = step_length(step_size, threat)
    threshold = fosc * (1 - progress / vanishes)  # below 0 at the end, where 0 counts
    x_adv = start_point(start, x, threat, length, rng, project=project_start)
    center = x if origin == "image" else x_adv
    for step in range(steps):
        x_adv = x_adv.detach().requires_grad_()
        value, _ = objective(x_adv)
        (grad,) = torch.autograd.grad(value.sum(), x_adv)
        x_adv = x_adv.detach()
        gap = compute_fosc(x_adv - center, grad, threat)
        moving = (gap > threshold) & (gap > 0)
        moving |= first_step and step == 0
        moved = threat.project(x_adv + length * threat.steepest_step(grad), x)
        x_adv = torch.where(moving.view(-1, *[1] * (x.dim() - 1)), moved, x_adv)
    return x_adv.detach()


def compute_fosc(delta: Tensor, grad: Tensor, threat: Threat) -> Tensor:
    """Return FOSC (N,): the first-order bound on the remaining gain; 0 if converged.

    Args:
        delta: Perturbations (N, ...).
        grad: Gradients of the objective at the perturbed inputs (N, ...).
        threat: The set of allowed perturbations; the pixel range is ignored.
    """
    farthest = threat.eps * threat.steepest_step(grad)
    return ((farthest - delta) * grad).flatten(1).sum(dim=1)
