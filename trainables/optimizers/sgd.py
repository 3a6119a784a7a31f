"""Stochastic gradient descent with momentum, as in Bag of Tricks (arXiv:2010.00467)."""

from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch.nn import Parameter

from trainables.hparams.ranges import FractionBelowOne, NonNegative, Positive

MIN_DIMS = {"gc": 2, "gcc": 4}
"""Minimum number of dimensions of centralised parameters: matrices, or convolutions only."""


def build(
    parameters: Iterable[Parameter] | Iterable[dict[str, object]],
    *,
    lr: Positive = 0.1,
    momentum: FractionBelowOne = 0.9,
    nesterov: bool = False,
    weight_decay: NonNegative = 5e-4,
    centralize: Literal["no", "gc", "gcc"] = "no",
) -> torch.optim.Optimizer:
    """Return the optimizer.

    Args:
        parameters: The parameters to optimise, or groups of them.
        lr: Peak learning rate; the schedule multiplies it.
        momentum: Momentum factor.
        nesterov: Whether to use Nesterov momentum; no effect without momentum.
        weight_decay: L2 penalty on every parameter, added to the gradient.
        centralize: Whether each output channel's gradient, the penalty included, loses its mean
            (Yong et al., arXiv:2004.01461): "gc" in convolutions and linear layers, "gcc" in
            convolutions only.
    """
    ahead = nesterov and momentum > 0  # torch refuses nesterov without momentum
    if centralize == "no":
        return torch.optim.SGD(
            parameters,
            lr=lr,
            momentum=momentum,
            nesterov=ahead,
            weight_decay=weight_decay,
            fused=True,
        )
    # the hook adds the penalty before it takes the mean, so torch must not add it
    sgd = torch.optim.SGD(parameters, lr=lr, momentum=momentum, nesterov=ahead, fused=True)
    sgd.register_step_pre_hook(centralization_hook(weight_decay, MIN_DIMS[centralize]))
    return sgd


def centralization_hook(weight_decay: float, axes: int) -> Callable[..., None]:
    """Return a hook that adds the penalty to each gradient, then subtracts channel means."""

    @torch.no_grad()
    def hook(optimizer: torch.optim.Optimizer, *_: object) -> None:
        for group in optimizer.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                p.grad.add_(p, alpha=weight_decay)
                if p.dim() >= axes:
                    p.grad.sub_(p.grad.mean(dim=tuple(range(1, p.dim())), keepdim=True))

    return hook
