"""Attack the batch, and use the attack's first pass for the loss too.

As in the code of FGSM-PGI (Jia et al., 2022, arXiv:2207.08859): a method that compares the outputs
at the start and at the end of a single step needs two passes, not three.
"""

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainables.protocols import AttackObjective, AttackStart, BoundAttack, BoundMethod
from trainables.updates.alternate import descend_loss


def update(
    model: Module,
    optimizer: Optimizer,
    x: Tensor,
    y: Tensor,
    *,
    method: BoundMethod,
    attack: BoundAttack,
    start: AttackStart,
) -> Tensor:
    """Update the weights once.

    Args:
        model: The network, in train mode throughout.
        optimizer: The optimizer.
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        method: Method with the two objectives; its outer one may use `start`.
        attack: Attack that maximises the inner objective.
        start: Holds the first point of the attack and its logits during the update.

    Returns:
        The loss before the step (scalar).
    """
    start.clear()
    objective = method.inner(model, x, y)
    try:
        shared = None if objective is None else share_first_pass(objective, start)
        x_adv = x if shared is None else attack.perturb(shared, x, y)
        return descend_loss(optimizer, lambda: method.outer(model, x, x_adv, y))
    finally:
        start.clear()


def share_first_pass(objective: AttackObjective, start: AttackStart) -> AttackObjective:
    """Return an objective that keeps the graph of its first pass with gradients in `start`.

    The attack frees the graph of the value that it differentiates. So the value of the first pass
    is a linear function of the images, with the same value and the same gradient.
    """

    def shared(point: Tensor) -> tuple[Tensor, Tensor]:
        value, logits = objective(point)
        if start.point is not None or not point.requires_grad:
            return value, logits
        (grad,) = torch.autograd.grad(value.sum(), point, retain_graph=True)
        start.point, start.logits = point, logits
        change = (grad * (point - point.detach())).flatten(1).sum(dim=1)
        return value.detach() + change, logits.detach()

    return shared
