"""DeepFool: steps over the nearest boundary of the linearised network (arXiv:1511.04599).

The first misclassified point counts if it is within eps. In the l2 norm a boundary with gradient w
at a difference f is f / |w| away, in linf f / |w|_1.
"""

from functools import partial

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.evaluation.attempt import AttackAttempt
from trainables.hparams.ranges import Count, NonNegative
from trainables.threat import Threat
from trainables.threats.l1 import L1
from trainables.threats.linf import Linf

NUMBERS = ("steps",)
TINY = 1e-12  # avoids a division by zero: with a zero gradient the boundary is very far


def passes(
    *, steps: Count = 50, overshoot: NonNegative = 0.02, classes: int
) -> list[AttackAttempt]:
    """Return the only attempt.

    Args:
        steps: Largest number of linearisations.
        overshoot: Distance beyond the boundary, as a share of the step.
        classes: Number of classes K.
    """
    return [partial(run, steps=steps, overshoot=overshoot, classes=classes)]


def run(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator,  # the attack is deterministic
    steps: int,
    overshoot: float,
    classes: int,
) -> Tensor:
    """Return the first misclassified point if it is within eps of the image, or else the image.

    Raises:
        ValueError: If the threat is l1, in which the nearest boundary is along one pixel.
    """
    if isinstance(threat, L1):
        raise ValueError("deepfool: needs the threat linf or l2, got L1.")
    moved, x_adv = torch.zeros_like(x), x.clone()
    left = torch.arange(len(y), device=y.device)
    for _ in range(steps):
        logits, gradients = linearise(model, x_adv[left], classes)
        right = logits.argmax(dim=1) == y[left]
        left = left[right]
        if not len(left):
            break
        moved[left] += shortest_step(logits[right], gradients[right], y[left], threat)
        x_adv[left] = (x[left] + (1 + overshoot) * moved[left]).clamp(0, 1)
    outside = threat.norm(x_adv - x) > threat.eps
    return torch.where(outside.view(-1, 1, 1, 1), x, x_adv)


def linearise(model: Module, x: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return the logits (N, K) of images (N, C, H, W) and their gradients (N, K, C, H, W)."""
    x = x.detach().requires_grad_()
    logits = model(x)
    gradients = [
        torch.autograd.grad(logits[:, k].sum(), x, retain_graph=k < classes - 1)[0]
        for k in range(classes)
    ]
    return logits.detach(), torch.stack(gradients, dim=1)


def shortest_step(logits: Tensor, gradients: Tensor, y: Tensor, threat: Threat) -> Tensor:
    """Return the shortest step (N, C, H, W) to a boundary of the linearised network."""
    rows = torch.arange(len(y), device=y.device)
    gaps = (logits - logits[rows, y][:, None]).abs()
    normals = gradients - gradients[rows, y][:, None]
    flat = normals.flatten(2)
    linf = isinstance(threat, Linf)
    lengths = flat.abs().sum(dim=2) if linf else flat.norm(dim=2)
    distances = (gaps / (lengths + TINY)).scatter(1, y[:, None], float("inf"))
    nearest = distances.argmin(dim=1)
    normal, length = normals[rows, nearest], lengths[rows, nearest]
    direction = normal.sign() if linf else normal / (length + TINY).view(-1, 1, 1, 1)
    return distances[rows, nearest].view(-1, 1, 1, 1) * direction
