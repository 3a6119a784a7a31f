"""Free adversarial training (Shafahi et al., 2019, arXiv:1904.12843)."""

from functools import partial
from typing import Literal

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainables.hparams.ranges import Count, Positive
from trainables.protocols import BoundMethod
from trainables.threat import Threat
from trainables.updates.alternate import descend_loss

GRADIENT_STEPS = 1
FORMER_VALUES = {"at_range": "move"}
"""What the code did before it had these knobs."""


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
    at_range: Literal["stay", "project", "move"] = "stay",
) -> Tensor:
    """Update the weights once, with one backward pass for weights and images.

    The loop repeats each batch `replays` times and uses only one in `replays` batches of an epoch,
    so an epoch costs as much as one of standard training. The perturbation is kept from replay to
    replay and from batch to batch.

    Args:
        model: The network, in train mode throughout.
        optimizer: The optimizer.
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        method: Method whose outer objective is also the inner one.
        threat: The set of allowed perturbations.
        memory: Stores the perturbation, as large as the largest batch so far.
        replays: Repetitions of each batch, m of the paper.
        reach: Step size of the perturbation, as a multiple of eps.
        at_range: What happens to a perturbation that leaves [0, 1] at a pixel. "stay": the pixel is
            clipped and its perturbation does not change, as in the published code. "project": it is
            cut back to [0, 1] after each step but not clipped on the next batch, as in the code of
            Wong et al. (arXiv:2001.03994). "move": the pixel is clipped and its perturbation moves
            on.

    Returns:
        The loss before the step (scalar).
    """
    if len(memory.get("delta", ())) < len(x):
        memory["delta"] = torch.zeros_like(x)
    delta = memory["delta"][: len(x)]
    moved = x + delta
    x_adv = (moved if at_range == "project" else moved.clamp(0, 1)).requires_grad_()
    value = descend_loss(optimizer, partial(method.outer, model, x, x_adv, y))
    if x_adv.grad is not None:  # `None`: the method uses clean images only
        grad = x_adv.grad
        if at_range == "stay":
            grad = grad * ((moved >= 0) & (moved <= 1))
        ascended = threat.project_to_ball(delta + reach * threat.eps * threat.steepest_step(grad))
        delta.copy_((x + ascended).clamp_(0, 1) - x if at_range == "project" else ascended)
    return value
