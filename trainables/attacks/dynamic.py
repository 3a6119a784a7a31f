"""PGD that stops at a criterion of convergence (Wang et al., 2019, arXiv:2112.08304)."""

import torch
from torch import Generator, Tensor

from trainables.attacks.pgd import Start, start_point, step_length
from trainables.hparams.ranges import Count, NonNegative, OpenFraction, Positive
from trainables.protocols import AttackObjective
from trainables.threat import Threat

SLOPES = "steps"


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
) -> Tensor:
    """Return inputs near `x` that are as converged as this moment of the run asks for.

    An input whose first-order stationary condition (FOSC) is at the threshold or below is left
    where it is. The threshold falls linearly from `fosc` to zero, where this is PGD. The published
    code measures from the random start; here, as in the paper's text, from the image itself.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,); unused.
        threat: The set of allowed perturbations.
        progress: Share of the run that is over, in [0, 1].
        rng: Source of the random start; the global one if None.
        steps: Gradient evaluations.
        step_size: Length of one step, in the units of eps; a quarter of eps if none.
        start: Where to start, as PGD's.
        fosc: Threshold at the start of the run, in units of the objective.
        vanishes: When the threshold reaches zero, as a share of the run.

    Returns:
        Allowed inputs (N, ...), detached.
    """
    length = step_length(step_size, threat)
    threshold = fosc * max(0.0, 1 - progress / vanishes)
    x_adv = start_point(start, x, threat, length, rng)
    for _ in range(steps):
        x_adv = x_adv.detach().requires_grad_()
        value, _ = objective(x_adv)
        (grad,) = torch.autograd.grad(value.sum(), x_adv)
        x_adv = x_adv.detach()
        moving = compute_fosc(x_adv - x, grad, threat) > threshold
        moved = threat.project(x_adv + length * threat.steepest_step(grad), x)
        x_adv = torch.where(moving.view(-1, *[1] * (x.dim() - 1)), moved, x_adv)
    return x_adv.detach()


def compute_fosc(delta: Tensor, grad: Tensor, threat: Threat) -> Tensor:
    """Return how much the objective could still grow to first order: FOSC, (N,), 0 if converged.

    Args:
        delta: Perturbations (N, ...).
        grad: Slope of the objective there (N, ...).
        threat: The set of allowed perturbations, the pixel range left aside.
    """
    farthest = threat.eps * threat.steepest_step(grad)
    return ((farthest - delta) * grad).flatten(1).sum(dim=1)
