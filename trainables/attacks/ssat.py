"""The shortest of some steps that is misclassified (Kim et al., arXiv:2010.01799).

One gradient step from a random start, as in FGSM-RS, is cut at the first of a few checkpoints
between the image and its end where the network is wrong.
"""

from contextlib import nullcontext

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.hparams.ranges import Count, Positive
from trainables.networks.modes import in_mode
from trainables.protocols import AttackObjective
from trainables.threat import Threat

GRADIENT_STEPS = 1


def perturb(
    objective: AttackObjective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    network: Module | None = None,
    rng: Generator | None = None,
    checkpoints: Count = 3,
    reach: Positive = 1.25,
) -> Tensor:
    """Return inputs between `x` and a step where `objective` is larger.

    An input that is misclassified at its random start is returned as it is.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,) or probabilities (N, K).
        threat: The set of allowed perturbations.
        network: The network, which is in eval mode at the checkpoints. `None`: its mode is kept.
        rng: Generator of the random start. `None`: the global generator.
        checkpoints: Points where the network is asked, evenly spaced, c of the paper; the last is
            the end of the step, which is not asked.
        reach: Length of the step as a multiple of eps.

    Returns:
        Allowed inputs (N, ...), detached.
    """
    label = y.argmax(dim=1) if y.is_floating_point() else y
    start = threat.random_point(x, rng).clamp_(0, 1).detach().requires_grad_()
    value, logits = objective(start)
    (grad,) = torch.autograd.grad(value.sum(), start)
    x_adv = threat.project(start.detach() + reach * threat.eps * threat.steepest_step(grad), x)
    part = (x_adv - x) / checkpoints
    broadcast = (-1, *[1] * (x.dim() - 1))
    found = logits.detach().argmax(dim=1) != label
    chosen = torch.where(found.view(broadcast), x, x_adv)
    with torch.no_grad(), in_mode(network, "eval") if network else nullcontext():
        for number in range(1, checkpoints):
            point = x + number * part
            is_wrong = objective(point)[1].argmax(dim=1) != label
            chosen = torch.where((is_wrong & ~found).view(broadcast), point, chosen)
            found = found | is_wrong
    return chosen
