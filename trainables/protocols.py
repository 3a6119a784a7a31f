"""The function types that methods, attacks and criteria are written against."""

from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType
from typing import Protocol, get_type_hints

from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

AttackObjective = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Inputs (N, ...) to what an attack makes large, (N,), and the logits behind it, (N, K)."""

Criterion = Callable[[Tensor, Tensor], Tensor]
"""Logits (N, K) and labels (N,) to the loss of each example, (N,)."""


class InnerObjective(Protocol):
    """The `inner` of a method."""

    def __call__(self, model: Module, x: Tensor, y: Tensor, /) -> AttackObjective | None:
        """Return what the attack maximises, or None if the method does not attack."""
        ...


class OuterObjective(Protocol):
    """The `outer` of a method."""

    def __call__(self, model: Module, x: Tensor, x_adv: Tensor, y: Tensor, /) -> Tensor:
        """Return what training minimises, a mean over the batch (scalar)."""
        ...


class Perturb(Protocol):
    """The `perturb` of an attack."""

    def __call__(self, objective: AttackObjective, x: Tensor, y: Tensor, /) -> Tensor:
        """Return adversarial images, shaped as `x`."""
        ...


class WeightUpdate(Protocol):
    """The `update` of an update."""

    def __call__(self, model: Module, optimizer: Optimizer, x: Tensor, y: Tensor, /) -> Tensor:
        """Change the weights once; return the loss (scalar)."""
        ...


@dataclass(frozen=True, kw_only=True)
class BoundMethod:
    """A training method with its knobs set.

    Attributes:
        inner: Its inner objective, which the attack maximises.
        outer: Its outer objective, which training minimises.
        attacks: Whether it attacks at all.
        whole_batch: Whether the loss is defined on a whole batch only.
        name: Name of the file that defines `outer`.
    """

    inner: InnerObjective
    outer: OuterObjective
    attacks: bool = True
    whole_batch: bool = False
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class BoundAttack:
    """A training attack with its knobs set.

    Attributes:
        perturb: The attack.
        gradient_steps: Gradient steps that it takes; None if it does not say.
    """

    perturb: Perturb
    gradient_steps: int | None = None


def uses_attack(inner: Callable[..., object]) -> bool:
    """Return whether a method attacks anything; the `inner` of one that does not returns None."""
    return get_type_hints(inner).get("return") is not NoneType
