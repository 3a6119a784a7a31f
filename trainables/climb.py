"""An attack that is over, for each image, as soon as the image is misclassified."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.threat import Threat

Loss = Callable[[Tensor, Tensor], Tensor]
"""Logits (M, K) and the rows (M,) of the batch that they are of, to what to make large, (M,)."""


def cross_entropy(y: Tensor) -> Loss:
    """Return the cross-entropy with labels (N,)."""
    return lambda logits, rows: F.cross_entropy(logits, y[rows], reduction="none")


def climb(
    model: Module,
    loss: Loss,
    start: Tensor,
    x: Tensor,
    y: Tensor,
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
        y: Their labels (N,).
        threat: The set of allowed perturbations.
        steps: Steps of the attack.
        step_size: Length of one step, in the units of eps.

    Returns:
        Images (N, C, H, W), each the first that was misclassified or else the last that was tried,
        and whether (N,) each was classified correctly at every point.
    """
    ends, withstood = start.detach().clone(), torch.ones_like(y, dtype=torch.bool)
    left, x_adv = withstood.nonzero()[:, 0], start.detach()
    for step in range(steps + 1):
        x_adv.requires_grad_(step < steps)
        logits = model(x_adv)
        right = logits.argmax(dim=1) == y[left]
        ends[left] = x_adv.detach()
        withstood[left[~right]] = False
        if step == steps or not right.any():
            break
        (grad,) = torch.autograd.grad(loss(logits, left)[right].sum(), x_adv)
        left = left[right]
        moved = x_adv.detach()[right] + step_size * threat.steepest(grad[right])
        x_adv = threat.project(moved, x[left])
    return ends, withstood
