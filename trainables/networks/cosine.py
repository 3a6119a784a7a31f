"""Cosine similarity that is exact for very short vectors."""

import torch.nn.functional as F
from torch import Tensor


def cosine_similarity(one: Tensor, other: Tensor) -> Tensor:
    """Return the cosine (N,) of each pair of two batches (N, ...); nan where one is zero.

    >>> import torch
    >>> short = torch.tensor([[1e-20, 0.0], [0.0, 0.0]])
    >>> cosine_similarity(short, torch.tensor([[2.0, 0.0], [1.0, 0.0]]))
    tensor([1., nan])
    """
    # torch clamps norms at 1e-8, and gradients of confident predictions are shorter
    one, other = (batch.flatten(1) / max_magnitude(batch.detach()) for batch in (one, other))
    return F.cosine_similarity(one, other, dim=1)


def max_magnitude(batch: Tensor) -> Tensor:
    """Return the largest magnitude (N, 1) of each example of a batch (N, ...)."""
    return batch.flatten(1).abs().amax(dim=1, keepdim=True)
