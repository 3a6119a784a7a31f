"""FGSM-MEP with smooth convergence (Zhao et al., 2023, arXiv:2308.12857)."""

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import AtLeastOne, Milestones, Natural, NonNegative
from trainables.methods.fgsm_pgi import inner as inner
from trainables.protocols import Criterion

COMPANIONS = {
    "attack": {"name": "prior_epoch"},
    "update": {"name": "alternate", "mode": "train"},
    "criterion": {"name": "cross_entropy", "smoothing": 0.4},
}
WHOLE_BATCH = True
"""The clean loss of a batch is compared with that of the last epoch."""
CLEAN = "clean losses"
"""Key of `memory`: sum and number in this epoch, mean of the last one, its change, epoch; (5,)."""


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    memory: dict[str, Tensor],
    epoch: int = 0,
    epochs: int = 1,
    weight: NonNegative = 1.0,
    gamma: NonNegative = 0.03,
    ratio: AtLeastOne = 1.0,
    stride: Natural = 1,
    phases: Milestones = (100 / 110, 105 / 110),
) -> Tensor:
    """Return the training loss: the adversarial loss, and the clean loss where that is unusual.

    A batch whose clean loss differs from that of the last epoch by more than `gamma` pays `weight`
    times its clean loss: it is added if it is larger and subtracted if it is smaller.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        memory: Keeps the clean losses.
        epoch: Epochs finished so far.
        epochs: Epochs of the run.
        weight: Weight of the clean loss, w2 of the code.
        gamma: Largest usual difference, in nats.
        ratio: With more than 1, the difference that is usual is the change between the last two
            epochs, but at least gamma / ratio and at most gamma.
        stride: Epochs after the start of a phase, and before its end, without this term. The first
            is left out too.
        phases: Shares of the run at which the learning rate drops.

    Returns:
        Scalar, in nats.
    """
    adversarial = criterion(model(x_adv), y).mean()
    clean = criterion(model(x), y).mean()
    state = memory.setdefault(CLEAN, torch.zeros(5, dtype=torch.float64, device=x.device))
    last, change = begin_epoch(state, epoch)
    state[:2] += torch.stack([clean.detach() * len(x), torch.full_like(clean, len(x)).detach()])
    difference = clean.detach() - last
    unusual = difference.abs() > change.clamp(gamma / ratio, gamma)
    factor = unusual * difference.sign() * is_in_phase(epoch, epochs, stride, phases)
    return adversarial + (weight * factor).to(clean.dtype) * clean


def begin_epoch(state: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
    """Return the mean clean loss of the last epoch and its change from the one before; scalars.

    Args:
        state: The entry of `memory`, which is updated at the first batch of an epoch.
        epoch: Epochs finished so far.
    """
    total, number, last, change, seen = state.clone()
    is_new = seen != epoch
    mean = total / number.clamp(min=1)
    old = torch.stack([total, number, last, change, seen])
    new = torch.stack([0 * total, 0 * total, mean, mean - last, 0 * total + epoch])
    state.copy_(torch.where(is_new, new, old))
    _, _, last, change, _ = state.clone()
    return last, change


def is_in_phase(epoch: int, epochs: int, stride: int, phases: tuple[float, ...]) -> float:
    """Return 1 in epochs that are further than `stride` from both ends of a phase, else 0.

    >>> [is_in_phase(epoch, 110, 1, (100 / 110, 105 / 110)) for epoch in (1, 2, 98, 99, 102, 104)]
    [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]
    """
    ends = [0, *(round(share * epochs) for share in phases), epochs]
    return sum(
        1.0 * ((epoch > first + stride) & (epoch < end - stride)) for first, end in pairwise(ends)
    )
