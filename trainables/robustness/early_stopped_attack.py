"""An attack that is over, for each image, as soon as it has reached its goal."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.threat import Threat

Loss = Callable[[Tensor, Tensor], Tensor]
"""Logits (M, K) and the rows (M,) of the batch that they are of, to what to make large, (M,)."""
StopCondition = Callable[[Tensor, Tensor], Tensor]
"""The same, to whether the attack is over (M,)."""


def cross_entropy_loss(y: Tensor) -> Loss:
    """Return the cross-entropy with labels (N,)."""
    return lambda logits, rows: F.cross_entropy(logits, y[rows], reduction="none")


def stop_when_misclassified(y: Tensor) -> StopCondition:
    """Return the goal of anything but labels (N,)."""
    return lambda logits, rows: logits.argmax(dim=1) != y[rows]


def stop_when_classified_as(target: Tensor) -> StopCondition:
    """Return the goal of classes (N,)."""
    return lambda logits, rows: logits.argmax(dim=1) == target[rows]


def run_early_stopped_attack(
    model: Module,
    loss: Loss,
    start: Tensor,
    x: Tensor,
    stop_condition: StopCondition,
    *,
    threat: Threat,
    steps: int,
    step_size: float,
) -> tuple[Tensor, Tensor]:
    """Return where an attack ends, and which images withstood it all along.

    Args:
        model: Images to logits, in eval mode.
        loss: What to make large.
        start: Where the attack starts (N, C, H, W).
        x: The images (N, C, H, W).
        stop_condition: When an image is done with.
        threat: The set of allowed perturbations.
        steps: Steps of the attack.
        step_size: Length of one step, in the units of eps.

    Returns:
        Images (N, C, H, W), each the first that reached the goal or else the last that was tried,
        and whether (N,) each never reached it.
    """
    ends = start.detach().clone()
    withstood = torch.ones(len(x), dtype=torch.bool, device=x.device)
    left, x_adv = withstood.nonzero()[:, 0], start.detach()
    for step in range(steps + 1):
        x_adv.requires_grad_(step < steps)
        logits = model(x_adv)
        going = ~stop_condition(logits, left)
        ends[left] = x_adv.detach()
        withstood[left[~going]] = False
        if step == steps or not going.any():
            break
        (grad,) = torch.autograd.grad(loss(logits, left)[going].sum(), x_adv)
        left = left[going]
        moved = x_adv.detach()[going] + step_size * threat.steepest_step(grad[going])
        x_adv = threat.project(moved, x[left])
    return ends, withstood
