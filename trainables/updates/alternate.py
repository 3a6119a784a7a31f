"""Attack the batch, then take one optimizer step (Madry et al., 2018, arXiv:1706.06083)."""

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
    """Update the weights once.

    Args:
        model: The network.
        optimizer: The optimizer.
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        method: Method with the two objectives.
        attack: Attack that maximises the inner objective.
        mode: BatchNorm during the attack: "eval" uses the running statistics, "train" uses batch
            statistics, and every attack step updates the running ones, as in the code of Rice et
            al. (arXiv:2002.11569). That code updates them 13 times per step instead of 11
            times, because it also evaluates the attacked images to choose a restart, and the clean
            ones for its log.
        micro_batch: Images per forward pass, to save memory. Gradients are accumulated over the
            batch; batch statistics are those of each part. A rest of one image joins the part
            before it. `None`: the whole batch.

    Returns:
        The loss before the step (scalar).
    """
    total = torch.zeros((), device=x.device)
    sizes = part_sizes(len(x), micro_batch or len(x))
    optimizer.zero_grad()
    for images, labels in zip(x.split(sizes), y.split(sizes), strict=True):
        x_adv = craft_examples(model, images, labels, method, attack, mode)
        loss = method.outer(model, images, x_adv, labels) * (len(images) / len(x))
        loss.backward()
        total += loss.detach()
    optimizer.step()
    return total


def part_sizes(n_images: int, size: int) -> list[int]:
    """Return the numbers of images of the parts of a batch.

    A rest of one image joins the part before it: BatchNorm cannot compute statistics of one value.

    >>> part_sizes(8, 3), part_sizes(7, 3), part_sizes(2, 1)
    ([3, 3, 2], [3, 4], [1, 1])
    """
    full, rest = divmod(n_images, size)
    if rest == 1 and full and size > 1:
        return [*[size] * (full - 1), size + 1]
    return [*[size] * full, *([rest] if rest else [])]


def craft_examples(
    model: Module,
    x: Tensor,
    y: Tensor,
    method: BoundMethod,
    attack: BoundAttack,
    mode: Mode,
) -> Tensor:
    """Return adversarial images, shaped as `x`; `x` itself if the method does not attack."""
    with in_mode(model, mode), frozen_weights(model):
        attacked = folded_view(model) if mode == "eval" else model
        objective = method.inner(attacked, x, y)
        return x if objective is None else attack.perturb(objective, x, y)


def descend_loss(optimizer: Optimizer, loss: Callable[[], Tensor]) -> Tensor:
    """Take one optimizer step on `loss`; return its value before the step (scalar)."""
    optimizer.zero_grad()
    value = loss()
    value.backward()
    optimizer.step()
    return value.detach()
