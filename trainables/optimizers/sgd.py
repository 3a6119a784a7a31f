"""Stochastic gradient descent with momentum, as in Bag of Tricks (arXiv:2010.00467)."""

from collections.abc import Iterable

import torch
from torch.nn import Parameter

from trainables.ranges import Positive, Share, Weight


def build(
    parameters: Iterable[Parameter],
    *,
    lr: Positive = 0.1,
    momentum: Share = 0.9,
    nesterov: bool = False,
    weight_decay: Weight = 5e-4,
) -> torch.optim.Optimizer:
    """Return the optimizer.

    Args:
        parameters: What it changes.
        lr: Peak learning rate; the schedule multiplies it.
        momentum: Share of the last step that carries on.
        nesterov: Whether to look ahead by it; without momentum that changes nothing.
        weight_decay: L2 penalty, added to the gradient; on every parameter.
    """
    ahead = nesterov and momentum > 0  # torch refuses the combination that changes nothing
    return torch.optim.SGD(
        parameters, lr=lr, momentum=momentum, nesterov=ahead, weight_decay=weight_decay
    )
