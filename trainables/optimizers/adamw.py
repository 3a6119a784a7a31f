"""Adam with decoupled weight decay (Loshchilov and Hutter, 2019, arXiv:1711.05101)."""

from collections.abc import Iterable

import torch
from torch.nn import Parameter

from trainables.hparams.ranges import FractionBelowOne, NonNegative, Positive


def build(
    parameters: Iterable[Parameter] | Iterable[dict[str, object]],
    *,
    lr: Positive = 1e-4,
    beta1: FractionBelowOne = 0.9,
    beta2: FractionBelowOne = 0.999,
    weight_decay: NonNegative = 5e-4,
) -> torch.optim.Optimizer:
    """Return the optimizer.

    Args:
        parameters: The parameters to optimise, or groups of them.
        lr: Peak learning rate; the schedule multiplies it.
        beta1: Decay rate of the average gradient.
        beta2: Decay rate of the average squared gradient.
        weight_decay: Decoupled decay: each step subtracts lr * weight_decay * weight.
    """
    return torch.optim.AdamW(
        parameters, lr=lr, betas=(beta1, beta2), weight_decay=weight_decay, fused=True
    )
