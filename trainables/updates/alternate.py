"""Attack the batch, then take one step down the loss (Madry et al., 2018, arXiv:1706.06083)."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainables.hparams.ranges import Count
from trainables.networks.folded_view import folded_view
from trainables.networks.modes import Mode, frozen_weights, in_mode
from trainables.protocols import BoundAttack, BoundMethod


def update(
    model: Module,
    optimizer: Optimizer,
    x: Tensor,
    y: Tensor,
    *,
    method: BoundMethod,
    attack: BoundAttack,
    mode: Mode = "eval",
    micro_batch: Count | None = None,
) -> Tensor:
    """Change the weights once.

    Args:
        model: The network.
        optimizer: Takes the step.
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        method: Gives the two objectives.
        attack: Solves the inner one.
        mode: How BatchNorm behaves while attacked: "eval" uses the running statistics and leaves
            them alone, "train" uses each batch's own and every attack step updates the running
            ones, as the reference code of Rice et al. (arXiv:2002.11569) does.
        micro_batch: Images at a time, where memory is short: gradients add up to those of the whole
            batch, but for batch statistics, which are those of each part. All at once if none.

    Returns:
        The loss before the step (scalar).
    """
    total = torch.zeros((), device=x.device)
    size = micro_batch or len(x)
    optimizer.zero_grad()
    for some, labels in zip(x.split(size), y.split(size), strict=True):
        x_adv = craft_examples(model, some, labels, method, attack, mode)
        loss = method.outer(model, some, x_adv, labels) * (len(some) / len(x))
        loss.backward()
        total += loss.detach()
    optimizer.step()
    return total


def craft_examples(
    model: Module,
    x: Tensor,
    y: Tensor,
    method: BoundMethod,
    attack: BoundAttack,
    mode: Mode,
) -> Tensor:
    """Return the attacked images, shaped as `x`; `x` itself if the method attacks nothing."""
    with in_mode(model, mode), frozen_weights(model):
        seen = folded_view(model) if mode == "eval" else model
        objective = method.inner(seen, x, y)
        return x if objective is None else attack.perturb(objective, x, y)


def descend_loss(optimizer: Optimizer, loss: Callable[[], Tensor]) -> Tensor:
    """Take one step down `loss`; return it as it was (scalar)."""
    optimizer.zero_grad()
    value = loss()
    value.backward()
    optimizer.step()
    return value.detach()
