"""How often BatchNorm's running statistics are updated by the passes of one step.

Published codes compute some outputs twice, or on a copy of the network. Here an output is computed
once, and these functions let the statistics follow the published number of updates all the same.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from torch import Tensor
from torch.nn import Module
from torch.nn.modules.batchnorm import _BatchNorm

BatchNormUpdates = Literal["published", "each_pass"]
"""As many updates a step as in the published code, or one for each forward pass here."""


@contextmanager
def frozen_statistics(model: Module, *, frozen: bool = True) -> Iterator[None]:
    """Restore the running statistics of `model` after the block; not so if `frozen` is false."""
    buffers = [buffer for norm in updating_layers(model) for buffer in norm.buffers()]
    saved = [buffer.clone() for buffer in buffers] if frozen else []
    try:
        yield
    finally:
        for buffer, value in zip(buffers, saved, strict=False):
            buffer.data.copy_(value)  # `data`: autograd, which saved the buffer, never reads it


def forward_repeatable(model: Module, x: Tensor) -> tuple[Tensor, Callable[[], None]]:
    """Return the output for `x`, and a function that updates the running statistics with it again.

    The function has the effect of a further forward pass of `x` on the statistics, without its
    cost.
    """
    layers = [norm for norm in updating_layers(model) if norm.momentum is not None]
    saved = [statistics(norm) for norm in layers]
    output: Tensor = model(x)
    # a pass turns r into (1 - m) r + m b: this is m b
    shares = [
        [after - (1 - momentum(norm)) * r for after, r in zip(statistics(norm), old, strict=True)]
        for norm, old in zip(layers, saved, strict=True)
    ]

    def repeat() -> None:
        for norm, added in zip(layers, shares, strict=True):
            for name, share in zip(("running_mean", "running_var"), added, strict=True):
                norm.get_buffer(name).data.mul_(1 - momentum(norm)).add_(share)

    return output, repeat


def updating_layers(model: Module) -> list[_BatchNorm]:
    """Return the BatchNorm layers whose running statistics a forward pass updates."""
    return [
        module
        for module in model.modules()
        if isinstance(module, _BatchNorm) and module.training and module.track_running_stats
    ]


def statistics(norm: _BatchNorm) -> list[Tensor]:
    """Return copies of the running mean and variance, (C,) each."""
    return [norm.get_buffer(name).clone() for name in ("running_mean", "running_var")]


def momentum(norm: _BatchNorm) -> float:
    """Return the weight of a batch in the running statistics."""
    return norm.momentum or 0.0
