"""The function types that methods, attacks and criteria are written against."""

from collections.abc import Callable

from torch import Tensor

Objective = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Inputs (N, ...) to what an attack makes large, (N,), and the logits behind it, (N, K)."""

Criterion = Callable[[Tensor, Tensor], Tensor]
"""Logits (N, K) and labels (N,) to the loss of each example, (N,)."""
