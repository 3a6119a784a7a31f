"""The cosine of directions, however short they are."""

import torch.nn.functional as F
from torch import Tensor


def cosine_similarity(one: Tensor, other: Tensor) -> Tensor:
    """Return the cosine of each pair in two batches (N, ...), (N,); nan where one vanishes.

    >>> import torch
    >>> cosine_similarity(torch.tensor([[1e-20, 0.0], [0.0, 0.0]]), torch.tensor([[2.0, 0.0], [1.0, 0.0]]))
    tensor([1., nan])
    """
    # torch takes what is shorter than 1e-8 for longer than it is, as slopes of sure answers are
    one, other = (batch.flatten(1) / max_magnitude(batch.detach()) for batch in (one, other))
    return F.cosine_similarity(one, other, dim=1)


def max_magnitude(batch: Tensor) -> Tensor:
    """Return the largest magnitude in each of a batch (N, ...), (N, 1)."""
    return batch.flatten(1).abs().amax(dim=1, keepdim=True)
