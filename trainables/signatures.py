"""The function types that methods, attacks and criteria are written against."""

from collections.abc import Callable
from types import NoneType
from typing import Any, get_type_hints

from torch import Tensor

Objective = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Inputs (N, ...) to what an attack makes large, (N,), and the logits behind it, (N, K)."""

Criterion = Callable[[Tensor, Tensor], Tensor]
"""Logits (N, K) and labels (N,) to the loss of each example, (N,)."""


def attacks(inner: Callable[..., Any]) -> bool:
    """Return whether a method attacks anything; the `inner` of one that does not returns None."""
    return get_type_hints(inner).get("return") is not NoneType
