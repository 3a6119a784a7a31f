"""One step from a random corner of a small cube: GAT's (Sriramanan et al., arXiv:2011.14969)."""

import torch
from torch import Generator, Tensor

from trainables.attacks import pgd
from trainables.hparams.ranges import NonNegative, Positive
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
    noise: NonNegative = 0.5,
    reach: Positive = 1.0,
) -> Tensor:
    """Return inputs near `x` where `objective` is larger.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,); unused.
        threat: The set of allowed perturbations.
        rng: Generator of the random start. `None`: the global generator.
        noise: Size of the start as a multiple of eps; each pixel moves up or down by it.
        reach: Length of the step as a multiple of eps.

    Returns:
        Allowed inputs (N, ...), detached.
    """
    unit = torch.rand(x.shape, generator=rng, device=x.device, dtype=x.dtype)
    corner = threat.steepest_step((0.5 - unit).sign())
    start = (x + noise * threat.eps * corner).clamp_(0, 1)
    return pgd.take_step(objective, start, x, threat, reach * threat.eps)
