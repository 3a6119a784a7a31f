"""One step from the perturbation of the batch before: TDAT's (Tong et al., arXiv:2408.03944).

The published code averages the perturbations of batches and then overwrites the average by the
last one, so that its momentum has no effect. This follows the code. (FGSM-BP of arXiv:2207.08859 is
the same with the loss of FGSM-PGI.)
"""

import torch
from torch import Generator, Tensor

from trainables.attacks._image_memory import random_corner
from trainables.hparams.ranges import Positive
from trainables.protocols import AttackObjective
from trainables.threat import Threat

GRADIENT_STEPS = 1
WHOLE_BATCH = True
DELTA = "perturbation of the batch before"
"""Key of `memory`: as large as the largest batch so far."""


def perturb(
    objective: AttackObjective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    memory: dict[str, Tensor],
    rng: Generator | None = None,
    reach: Positive = 1.0,
) -> Tensor:
    """Return inputs near `x` where `objective` is larger.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,); unused.
        threat: The set of allowed perturbations.
        memory: Keeps the perturbation of a batch.
        rng: Generator of the first start, a random corner of the ball. `None`: the global
            generator.
        reach: Length of the step as a multiple of eps.

    Returns:
        Allowed inputs (N, ...), detached.
    """
    if len(memory.get(DELTA, ())) < len(x):
        memory[DELTA] = random_corner(x, threat, rng)
    delta = memory[DELTA][: len(x)]
    start = (x + delta).detach().requires_grad_()
    value, _ = objective(start)
    (grad,) = torch.autograd.grad(value.sum(), start)
    x_adv = threat.project(x + delta + reach * threat.eps * threat.steepest_step(grad), x)
    delta.copy_(x_adv - x)
    return x_adv
