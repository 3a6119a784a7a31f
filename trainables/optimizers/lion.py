"""Lion, which steps by the sign of its momentum (Chen et al., 2023, arXiv:2302.06675).

The implementation of timm; it needs the extra `timm`.
"""

from collections.abc import Iterator, Mapping

import torch

from trainables.hparams.ranges import FractionBelowOne, NonNegative, Positive
from trainables.optimizers._timm import Parameters, build_timm_optimizer, find_missing_timm


def build(
    parameters: Parameters,
    *,
    lr: Positive = 1e-4,
    beta1: FractionBelowOne = 0.9,
    beta2: FractionBelowOne = 0.99,
    weight_decay: NonNegative = 5e-3,
) -> torch.optim.Optimizer:
    """Return the optimizer.

    Args:
        parameters: The parameters to optimise, or groups of them.
        lr: Peak learning rate; the schedule multiplies it. The authors advise a third to a tenth of
            that of AdamW, and a weight decay that is larger by the same factor.
        beta1: Weight of the momentum, against the gradient, in the direction of a step.
        beta2: Decay rate of the momentum.
        weight_decay: Decoupled decay: each step subtracts lr * weight_decay * weight.
    """
    return build_timm_optimizer(
        "Lion", parameters, lr=lr, betas=(beta1, beta2), weight_decay=weight_decay
    )


def conflicts(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:  # noqa: ARG001
    """Yield a problem if timm is not installed."""
    yield from find_missing_timm("lion")
