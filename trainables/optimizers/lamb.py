"""LAMB: Adam with steps in proportion to each layer's weights (You et al., 2020, arXiv:1904.00962).

The implementation of timm; it needs the extra `timm`.
"""

from collections.abc import Iterator, Mapping

import torch

from trainables.hparams.ranges import FractionBelowOne, NonNegative, Positive
from trainables.optimizers._timm import Parameters, build_timm_optimizer, find_missing_timm

CAPTURABLE = False
"""It counts steps on the host, which a CUDA graph would not repeat."""


def build(
    parameters: Parameters,
    *,
    lr: Positive = 1e-3,
    beta1: FractionBelowOne = 0.9,
    beta2: FractionBelowOne = 0.999,
    weight_decay: NonNegative = 0.01,
    max_grad_norm: Positive | None = 1.0,
) -> torch.optim.Optimizer:
    """Return the optimizer.

    Args:
        parameters: The parameters to optimise, or groups of them.
        lr: Peak learning rate; the schedule multiplies it.
        beta1: Decay rate of the average gradient.
        beta2: Decay rate of the average squared gradient.
        weight_decay: Weight decay; it is part of the direction whose length is scaled to that of
            the layer's weights. A layer without decay takes steps as in Adam.
        max_grad_norm: Largest norm of all gradients together; longer ones are shortened to it.
            `None`: any length.
    """
    return build_timm_optimizer(
        "Lamb",
        parameters,
        lr=lr,
        betas=(beta1, beta2),
        weight_decay=weight_decay,
        max_grad_norm=max_grad_norm,
    )


def conflicts(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:  # noqa: ARG001
    """Yield a problem if timm is not installed."""
    yield from find_missing_timm("lamb")
