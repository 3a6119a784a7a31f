"""A step from what reveals the label, partly erased: LIET (Pan et al., ICCV 2025).

The paper is iccv.thecvf.com/virtual/2025/poster/1081.

A network in catastrophic overfitting reads the label off the perturbation. A step on a grey image
of each class shows how; it is mixed with noise, and added or subtracted as the start of the attack.
"""

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.attacks._image_memory import remembered
from trainables.hparams.ranges import Count, Fraction, Positive
from trainables.networks.modes import in_mode
from trainables.protocols import AttackObjective, Criterion
from trainables.threat import Threat

GRADIENT_STEPS = 1
WHOLE_BATCH = True
"""The mask and the sign are drawn once for a batch."""
SHOWN = "steps on grey images"
"""Key of `memory`: (classes, C, H, W), of unit size."""


def perturb(
    objective: AttackObjective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    memory: dict[str, Tensor],
    criterion: Criterion,
    network: Module,
    classes: int,
    step: int = 1,
    rng: Generator | None = None,
    renewal: Count = 20,
    fewest: Fraction = 0.1,
    most: Fraction = 0.5,
    noise: Positive = 1.0,
    reach: Positive = 1.0,
    project: bool = True,
) -> Tensor:
    """Return inputs near `x` where `objective` is larger.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, C, H, W) in [0, 1].
        y: Labels (N,) or probabilities (N, K).
        threat: The set of allowed perturbations.
        memory: Keeps the steps on grey images.
        criterion: Loss of each example.
        network: The network, which is in eval mode for the grey images.
        classes: Number of classes K.
        step: Updates since the start of training.
        rng: Generator of masks and noise. `None`: the global generator.
        renewal: Updates after which the steps on grey images are computed again.
        fewest: Smallest share of the pixels whose start is noise; the share of a batch is uniform
            between the two.
        most: Largest share.
        noise: Half-width of the noise as a multiple of eps; 2 above 8/255 in the published code.
        reach: Length of the step as a multiple of eps.
        project: Whether the result is projected to the ball; not so above 8/255 in the published
            code.

    Returns:
        Inputs (N, C, H, W) in [0, 1], detached; in the ball with `project`.
    """
    shown = remembered(memory, SHOWN, (classes, *x.shape[1:]), x)
    if (step - 1) % renewal == 0:
        shown.copy_(threat.steepest_step(grey_gradients(network, criterion, shown)))
    label = y.argmax(dim=1) if y.is_floating_point() else y

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=rng, device=x.device, dtype=x.dtype)

    erased = draw(*x.shape)
    uniform = noise * (threat.random_point(x, rng) - x)
    share = fewest + (most - fewest) * draw()
    delta = torch.where(erased < share, uniform, threat.eps * shown[label])
    start = x + torch.where(draw() < 0.5, -delta, delta)
    start = start.clamp_(0, 1).detach().requires_grad_()
    value, _ = objective(start)
    (grad,) = torch.autograd.grad(value.sum(), start)
    x_adv = start.detach() + reach * threat.eps * threat.steepest_step(grad)
    return threat.project(x_adv, x) if project else x_adv.clamp_(0, 1)


def grey_gradients(network: Module, criterion: Criterion, like: Tensor) -> Tensor:
    """Return the gradient (K, C, H, W) of the loss at a grey image of each class."""
    grey = torch.full_like(like, 0.5).requires_grad_()
    labels = torch.arange(len(like), device=like.device)
    with in_mode(network, "eval"):
        loss = criterion(network(grey), labels).sum()
    (grad,) = torch.autograd.grad(loss, grey)
    return grad
