"""An attack that stops for each image as soon as it has succeeded."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.threat import Threat

Loss = Callable[[Tensor, Tensor], Tensor]
"""Map logits (M, K) and their rows (M,) in the batch to the loss to maximise, (M,)."""
StopCondition = Callable[[Tensor, Tensor], Tensor]
"""Map the same to whether the attack on each image stops, (M,)."""


def cross_entropy_loss(y: Tensor) -> Loss:
    """Return the cross-entropy with labels (N,)."""
    return lambda logits, rows: F.cross_entropy(logits, y[rows], reduction="none")


def stop_when_misclassified(y: Tensor) -> StopCondition:
    """Return the condition for any class but labels (N,)."""
    return lambda logits, rows: logits.argmax(dim=1) != y[rows]


def stop_when_classified_as(target: Tensor) -> StopCondition:
    """Return the condition for target classes (N,)."""
    return lambda logits, rows: logits.argmax(dim=1) == target[rows]


def find_robust_images(
    model: Module,
    start: Tensor,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    steps: int,
    step_size: float,
    exact_classes: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Return a mask (N,) of the images that PGD on the cross-entropy does not get misclassified.

    Args:
        model: Images to logits, in eval mode.
        start: The first points (N, C, H, W).
        x: The images (N, C, H, W).
        y: Labels (N,).
        threat: The set of allowed perturbations.
        steps: Steps of the attack.
        step_size: Length of one step, in the units of eps.
        exact_classes: As in `run_early_stopped_attack`.
    """
    loss, stop_condition = cross_entropy_loss(y), stop_when_misclassified(y)
    _, robust = run_early_stopped_attack(
        model,
        loss,
        start,
        x,
        stop_condition,
        threat=threat,
        steps=steps,
        step_size=step_size,
        exact_classes=exact_classes,
    )
    return robust


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
    exact_classes: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the last points of an attack, and which images are robust to it.

    Args:
        model: Images to logits, in eval mode.
        loss: The loss to maximise.
        start: The first points (N, C, H, W).
        x: The images (N, C, H, W).
        stop_condition: When the attack on an image stops.
        threat: The set of allowed perturbations.
        steps: Steps of the attack.
        step_size: Length of one step, in the units of eps.
        exact_classes: Maps images to the classes (M,) that the network predicts in fp32, if `model`
            computes in less. The attack on an image then stops only if `stop_condition` holds for
            both; last points are checked with the exact class alone. `None`: `model` is exact.

    Returns:
        Points (N, C, H, W): for each image the first that meets `stop_condition`, or the last one;
        and a mask (N,) of the images with no such point.
    """
    points = start.detach().clone()
    robust = torch.ones(len(x), dtype=torch.bool, device=x.device)
    rows, x_adv = robust.nonzero()[:, 0], start.detach()
    for step in range(steps + 1):
        x_adv.requires_grad_(step < steps)
        logits = model(x_adv)
        stops = stop_condition(logits, rows)
        if exact_classes is not None:
            asked = (stops if step < steps else torch.ones_like(stops)).nonzero()[:, 0]
            classes = exact_classes(x_adv.detach()[asked])
            stops[asked] = stop_condition(F.one_hot(classes, logits.shape[1]), rows[asked])
        active = ~stops
        points[rows] = x_adv.detach()
        robust[rows[~active]] = False
        if step == steps or not active.any():
            break
        (grad,) = torch.autograd.grad(loss(logits, rows)[active].sum(), x_adv)
        rows = rows[active]
        moved = x_adv.detach()[active] + step_size * threat.steepest_step(grad[active])
        x_adv = threat.project(moved, x[rows])
    return points, robust
