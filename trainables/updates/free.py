"""Free adversarial training (Shafahi et al., 2019, arXiv:1904.12843)."""

from functools import partial

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainables.hparams.ranges import Count, Positive
from trainables.protocols import BoundMethod
from trainables.threat import Threat
from trainables.updates.alternate import descend_loss

GRADIENT_STEPS = 1


def update(
    model: Module,
    optimizer: Optimizer,
    x: Tensor,
    y: Tensor,
    *,
    method: BoundMethod,
    threat: Threat,
    memory: dict[str, Tensor],
    replays: Count = 8,
    reach: Positive = 1.0,
) -> Tensor:
    """Change the weights once, by a backward pass that serves weights and images.

    The loop shows each batch `replays` times in a row, and so many batches fewer: an epoch costs as
    much as one of standard training and goes through that part of the images. The perturbation
    carries on from replay to replay and from batch to batch.

    Args:
        model: The network, in train mode throughout.
        optimizer: Takes the step.
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        method: Gives the outer objective, which serves as the inner one too.
        threat: The set of allowed perturbations.
        memory: Holds the perturbation, as large as the largest batch so far.
        replays: Times that the loop shows each batch, m of the paper.
        reach: Length of the step of the images, as a multiple of eps.

    Returns:
        The loss before the step (scalar).
    """
    if len(memory.get("delta", ())) < len(x):
        memory["delta"] = torch.zeros_like(x)
    delta = memory["delta"][: len(x)]
    x_adv = (x + delta).clamp_(0, 1).requires_grad_()
    value = descend_loss(optimizer, partial(method.outer, model, x, x_adv, y))
    if x_adv.grad is not None:  # a method that trains on clean images alone leaves none
        ascended = delta + reach * threat.eps * threat.steepest_step(x_adv.grad)
        delta.copy_(threat.project_to_ball(ascended))
    return value
