"""One step from a perturbation that many images share: FGSM-UAP (Pan et al., AAAI 2024).

The paper is doi:10.1609/aaai.v38i19.30147. Its FGSM-FUAP, which groups images by their features
with a second network, is not here. In the published code the backward pass of the training loss
adds to the gradient that moves the shared perturbations, as autograd adds to it in place. Here they
follow the attack's objective alone.
"""

from dataclasses import replace
from typing import Literal

import torch
from torch import Generator, Tensor

from trainables.attacks._image_memory import random_corner, remembered
from trainables.hparams.ranges import NonNegative, Positive
from trainables.protocols import AttackObjective
from trainables.threat import Threat

GRADIENT_STEPS = 1
WHOLE_BATCH = True
"""A shared perturbation moves once in a batch."""
SHARED, MOMENTUM = "shared perturbations", "shared gradients"
"""Keys of `memory`, (groups, C, H, W) each."""


def perturb(
    objective: AttackObjective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    memory: dict[str, Tensor],
    classes: int,
    rng: Generator | None = None,
    shared_by: Literal["all", "class"] = "all",
    size: Positive = 1.25,
    decay: NonNegative = 0.3,
    reach: Positive = 1.0,
) -> Tensor:
    """Return inputs near `x` where `objective` is larger.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, C, H, W) in [0, 1].
        y: Labels (N,) or probabilities (N, K).
        threat: The set of allowed perturbations.
        memory: Keeps the shared perturbations and the mean of their gradients.
        classes: Number of classes K.
        rng: Generator of the first perturbations, which are random corners. `None`: the global
            generator.
        shared_by: Images that share a perturbation: "all" is FGSM-UAP, "class" those of a class,
            FGSM-CUAP.
        size: Size of the shared perturbations and of their steps as a multiple of eps. The start is
            projected to the ball.
        decay: Weight of earlier gradients.
        reach: Length of the step from the start as a multiple of eps.

    Returns:
        Allowed inputs (N, C, H, W), detached.
    """
    label = y.argmax(dim=1) if y.is_floating_point() else y
    groups, group = (classes, label) if shared_by == "class" else (1, torch.zeros_like(label))
    shape = (groups, *x.shape[1:])
    wide = replace(threat, eps=size * threat.eps)
    if SHARED not in memory:
        memory[SHARED] = random_corner(x.new_empty(shape), wide, rng)
    shared, momentum = memory[SHARED], remembered(memory, MOMENTUM, shape, x)
    start = threat.project(x + shared[group], x).detach().requires_grad_()
    value, _ = objective(start)
    (grad,) = torch.autograd.grad(value.sum(), start)
    member = (group[:, None] == torch.arange(groups, device=x.device)).to(x.dtype)
    means, present = mean_by_group(grad, member)
    momentum.copy_(torch.where(present, means + decay * momentum, momentum))
    moved = wide.project_to_ball(shared + wide.eps * threat.steepest_step(momentum))
    shared.copy_(torch.where(present, moved, shared))
    return threat.project(start.detach() + reach * threat.eps * threat.steepest_step(grad), x)


def mean_by_group(grad: Tensor, member: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean gradient of each group, and which groups have images.

    Args:
        grad: Gradients (N, C, H, W), which are divided by the sum of their absolute values.
        member: 1 where an image is in a group, (N, groups).

    Returns:
        Means (groups, C, H, W), and a mask that broadcasts to them.
    """
    scaled = grad / grad.abs().sum().clamp(min=torch.finfo(grad.dtype).tiny)
    number = member.sum(dim=0)[:, None]
    sums = member.T @ scaled.flatten(1)
    means = (sums / number.clamp(min=1)).view(-1, *grad.shape[1:])
    return means, (number > 0).view(-1, *[1] * (grad.dim() - 1))
