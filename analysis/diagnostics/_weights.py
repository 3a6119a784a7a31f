"""Directions in weight space, and moving the weights along them and back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torch.nn import Module, Parameter

from trainables.networks.heads import CosineHead
from trainables.networks.modes import in_mode
from trainables.networks.precision import full_precision

Direction = list[Tensor]
"""A tensor for each of `weights`, of its shape."""


def trainable_weights(model: Module) -> list[Parameter]:
    """Return the trainable weights."""
    return [p for p in model.parameters() if p.requires_grad]


def draw_gaussian(model: Module, rng: Generator | None) -> Direction:
    """Return a standard normal direction."""
    return [torch.randn(p.shape, generator=rng, device=p.device, dtype=p.dtype)
            for p in trainable_weights(model)]  # fmt: skip


def draw_filter_normalised(model: Module, rng: Generator | None) -> Direction:
    """Return a random direction, each filter as long as the network's (Li et al., 1712.09913).

    A filter is what makes one output of a layer. Biases and BatchNorm stay, as in the published
    pictures.
    """
    return [
        part * (filter_norms(weight) / filter_norms(part).clamp(min=torch.finfo(part.dtype).tiny))
        if weight.dim() > 1
        else torch.zeros_like(part)
        for part, weight in zip(draw_gaussian(model, rng), trainable_weights(model), strict=True)
    ]


def filter_norms(weight: Tensor) -> Tensor:
    """Return the Euclidean length of each filter of a weight (O, ...), shaped to broadcast."""
    lengths: Tensor = weight.detach().flatten(1).norm(dim=1)
    return lengths.view(-1, *[1] * (weight.dim() - 1))


def direction_norm(direction: Sequence[Tensor]) -> float:
    """Return the Euclidean length of a direction, or of weights."""
    return float(torch.stack([part.detach().norm() for part in direction]).norm())


def split_vector(vector: Tensor, model: Module) -> Direction:
    """Return one long vector (P,) as a direction."""
    mine = trainable_weights(model)
    parts = vector.split([p.numel() for p in mine])
    return [part.view_as(p).to(p) for part, p in zip(parts, mine, strict=True)]


@contextmanager
def enable_weight_gradients(model: Module) -> Iterator[None]:
    """Enable gradients of the loss by the weights inside the context: in eval mode and fp32.

    Gradients include the projection of a cosine head, which training leaves out: moved weights are
    projected as well.
    """
    heads = [module for module in model.modules() if isinstance(module, CosineHead)]
    with in_mode(model, "eval"), full_precision(model):
        for head in heads:
            head.forward = partial(project_logits, head)  # type: ignore[method-assign]
        try:
            yield
        finally:
            for head in heads:
                del head.forward


def project_logits(head: CosineHead, z: Tensor) -> Tensor:
    """Return the logits (N, K) of features (N, D), differentiable through the projection."""
    return head.scale * F.linear(F.normalize(z, dim=1), F.normalize(head.weight, dim=1))


@contextmanager
def move_weights(model: Module, *steps: tuple[float, Direction]) -> Iterator[None]:
    """Move the weights inside the context: the sum of directions, each times its factor."""
    mine = trainable_weights(model)
    old = [p.detach().clone() for p in mine]
    try:
        with torch.no_grad():
            for far, direction in steps:
                for p, part in zip(mine, direction, strict=True):
                    p.add_(part, alpha=far)
        yield
    finally:
        with torch.no_grad():
            for p, before in zip(mine, old, strict=True):
                p.copy_(before)  # exact, where moving back would leave rounding behind
